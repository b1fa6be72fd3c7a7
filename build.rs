//! Gives the shared object its SONAME and its list of exported names.

fn main() {
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libzmq.so.5");
}
