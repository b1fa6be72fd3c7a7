//! The programs of `capi-tests/interop/`: two processes, two libraries, one wire.
//!
//! A program is called twice, as `NAME bind ENDPOINT` and as `NAME connect ENDPOINT`, each on its own library, and
//! passes when both exit with 0. Every pairing of the libraries runs over tcp and over ipc.

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::capi::{self, Program};
use super::{Context, Tally};
use crate::child::{Ending, Finished, Job, Running};
use crate::compile::progress;
use crate::conformance::Library;
use crate::reference::Flavour;
use crate::toolchain::Toolchain;

const LIMIT: Duration = Duration::from_secs(60);

pub fn run(context: &Context) -> Result<Tally> {
    let tools = Toolchain::locate()?;
    let lib = context.dist()?.join("lib");
    let reference = context.reference()?;
    let theirs = Library {
        folder: reference.library_folder(Flavour::Draft),
        draft: false,
    };
    let ours = Library {
        folder: lib.clone(),
        draft: true,
    };
    let pairings = [
        ("ours binds, reference connects", &ours, &theirs),
        ("reference binds, ours connects", &theirs, &ours),
        ("ours on both sides", &ours, &ours),
        ("reference on both sides", &theirs, &theirs),
    ];
    let programs = capi::programs(context, "capi-tests/interop")?;
    let mut tally = Tally::default();
    let bar = progress("interop", (programs.len() * pairings.len() * 2) as u64);
    for program in &programs {
        if let Err(error) = capi::step(context, &tools, &lib, program)?.ensure() {
            tally.fail(&program.name, &format!("{error:#}"));
            continue;
        }
        for (title, local, remote) in pairings {
            if program.difference.is_some() && title.starts_with("reference on both") {
                continue;
            }
            for transport in ["tcp", "ipc"] {
                let folder = tempfile::tempdir()?;
                let endpoint = endpoint(transport, folder.path())?;
                let outcome = run_pair(program, &endpoint, local, remote, folder.path());
                capi::judge(
                    &mut tally,
                    &format!("{}, {transport}, {title}", program.name),
                    outcome,
                );
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();
    Ok(tally)
}

fn endpoint(transport: &str, folder: &Path) -> Result<String> {
    if transport == "ipc" {
        return Ok(format!("ipc://{}", folder.join("interop").display()));
    }
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    Ok(format!("tcp://127.0.0.1:{port}"))
}

/// The outcome of a pair: that of the first process that did not end well.
fn run_pair(
    program: &Program,
    endpoint: &str,
    local: &Library,
    remote: &Library,
    folder: &Path,
) -> Result<Finished> {
    let start = |role: &str, library: &Library| -> Result<Running> {
        Job {
            program: program.executable.clone(),
            arguments: vec![role.into(), endpoint.into()],
            environment: library.environment(),
            folder: Some(folder.to_owned()),
            group: true,
        }
        .start()
    };
    let deadline = Instant::now() + LIMIT;
    let mut binding = start("bind", local)?;
    let mut connecting = start("connect", remote)?;
    while Instant::now() < deadline {
        let failed = binding.has_failed() || connecting.has_failed();
        let over = binding.has_ended() && connecting.has_ended();
        if failed || over {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let binding_failed = binding.has_failed();
    let now = Instant::now();
    let binding = binding.finish(now, LIMIT)?;
    let connecting = connecting.finish(now, LIMIT)?;
    Ok(if binding_failed || connecting.ending == Ending::Exit(0) {
        binding
    } else {
        connecting
    })
}
