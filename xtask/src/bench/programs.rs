//! Compiles the C programs of `bench/`, and the libraries that are preloaded into what is measured.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::compile::{self, Step};
use crate::parallel::default_jobs;
use crate::reference::{Flavour, Reference};
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

/// Linked with libzmq, without a run path: which one it is, is decided when they run.
const ON_ZEROMQ: [&str; 4] = ["stream", "latency", "fan", "resources"];
/// On nothing but the C library.
const BARE: [&str; 2] = ["limit", "ring"];
const PRELOADED: [&str; 2] = ["usage", "allocations"];

/// Makes them all; returns the folder.
pub fn build(workspace: &Workspace, reference: &Reference) -> Result<PathBuf> {
    let tools = Toolchain::locate()?;
    let sources = workspace.root.join("bench");
    let folder = workspace.target.join("bench");
    let headers = ["bench.h", "sockets.h"].map(|name| sources.join(name));
    let step = |name: &str, output: PathBuf, options: Vec<OsString>| {
        let source = sources.join(format!("{name}.c"));
        let mut arguments: Vec<OsString> = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-pthread"]
            .map(OsString::from)
            .to_vec();
        arguments.extend([source.clone().into(), "-o".into(), output.clone().into()]);
        arguments.extend(options);
        arguments.push("-ldl".into());
        let mut inputs = vec![source];
        inputs.extend(headers.iter().cloned());
        Step {
            output,
            inputs,
            program: tools.cc.clone(),
            arguments,
            version: tools.version.clone(),
        }
    };
    let library = reference.library_folder(Flavour::Release);
    let with_zeromq = || {
        vec![
            joined("-I", &reference.include_folder()),
            joined("-L", &library),
            "-lzmq".into(),
        ]
    };
    let mut steps = Vec::new();
    for name in ON_ZEROMQ {
        steps.push(step(name, folder.join(name), with_zeromq()));
    }
    for name in BARE {
        steps.push(step(name, folder.join(name), Vec::new()));
    }
    for name in PRELOADED {
        let output = folder.join(format!("{name}.so"));
        // What it interposes must not be taken for the compiler's own.
        let options = ["-shared", "-fPIC", "-fno-builtin"].map(OsString::from);
        steps.push(step(name, output, options.to_vec()));
    }
    compile::run("bench programs", &steps, default_jobs())?;
    Ok(folder)
}

fn joined(option: &str, folder: &Path) -> OsString {
    let mut argument = OsString::from(option);
    argument.push(folder);
    argument
}
