#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ozmq_fuzz::gssapi(data));
