//! Links small C programs with what was built, and runs them.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::symbols::output;
use crate::toolchain::Toolchain;

const PROGRAM: &str = "#include <zmq.h>
#ifdef NEIGHBOUR
extern int neighbour (void);
#else
static int neighbour (void) { return 7; }
#endif
int main (void) {
    int major = 0, minor = 0, patch = 0;
    zmq_version (&major, &minor, &patch);
    return major == 4 && minor == 3 && patch == 5 && neighbour () == 7 ? 0 : 1;
}
";

/// Another Rust archive, with its own copy of the runtime.
const NEIGHBOUR: &str = "#[unsafe(no_mangle)]
pub extern \"C\" fn neighbour() -> i32 {
    std::thread::spawn(|| 7).join().unwrap_or(0)
}
";

/// A program on the shared library, one on the static library, and one on two Rust archives.
pub fn run(tools: &Toolchain, dist: &Path, native: &[String]) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let source = folder.path().join("probe.c");
    fs::write(&source, PROGRAM)?;
    let rust = folder.path().join("neighbour.rs");
    fs::write(&rust, NEIGHBOUR)?;
    let neighbour = folder.path().join("libneighbour.a");
    output(
        Command::new(std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into()))
            .args(["--edition", "2024", "--crate-type", "staticlib", "-o"])
            .arg(&neighbour)
            .arg(&rust),
    )?;

    let lib = dist.join("lib");
    let program = folder.path().join("probe");
    let compile = || {
        let mut command = Command::new(&tools.cc);
        command
            .arg("-I")
            .arg(dist.join("include"))
            .arg("-o")
            .arg(&program)
            .arg(&source);
        command
    };
    output(compile().arg("-L").arg(&lib).arg("-lzmq")).context("linking with libzmq.so")?;
    output(Command::new(&program).env("LD_LIBRARY_PATH", &lib)).context("running on libzmq.so")?;

    output(
        compile()
            .arg("-DZMQ_STATIC")
            .arg(lib.join("libzmq.a"))
            .args(native),
    )
    .context("linking with libzmq.a")?;
    output(&mut Command::new(&program)).context("running with libzmq.a")?;

    output(
        compile()
            .args(["-DZMQ_STATIC", "-DNEIGHBOUR"])
            .arg(lib.join("libzmq.a"))
            .arg(&neighbour)
            .args(native),
    )
    .context("linking libzmq.a beside another Rust archive")?;
    output(&mut Command::new(&program)).context("running with two Rust archives")?;
    Ok(())
}
