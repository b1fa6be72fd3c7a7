//! `capi-tests/interop/`: two processes, two libraries, one wire. The script there runs every pair of socket types in
//! both directions and closes with its count.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::{Context, Tally, capi};
use crate::child::{Finished, Job};
use crate::reference::Flavour;
use crate::toolchain::Toolchain;

const LIMIT: Duration = Duration::from_secs(900);

pub fn run(context: &Context) -> Result<Tally> {
    let tools = Toolchain::locate()?;
    let lib = context.dist()?.join("lib");
    let theirs = context.reference()?.library_folder(Flavour::Draft);
    let mut tally = Tally::default();
    for program in &capi::programs(context, "capi-tests/interop")? {
        capi::step(context, &tools, &lib, program)?.ensure()?;
        let finished = Job {
            program: "sh".into(),
            arguments: vec![
                script(context).into_os_string(),
                lib.clone().into_os_string(),
                theirs.clone().into_os_string(),
            ],
            environment: vec![("PEER_PROGRAM", program.executable.clone().into_os_string())],
            group: true,
            ..Job::default()
        }
        .run(LIMIT)?;
        count(&mut tally, &finished)?;
    }
    Ok(tally)
}

/// What runs the conversations.
pub fn script(context: &Context) -> PathBuf {
    context.workspace.root.join("capi-tests/interop/run.sh")
}

/// Counts what the script wrote.
pub fn count(tally: &mut Tally, finished: &Finished) -> Result<()> {
    for line in finished.output.lines() {
        match line.split_once(' ') {
            Some(("ok", _)) => tally.pass(),
            Some(("FAILED", what)) => tally.fail("interop", what),
            _ => {}
        }
    }
    finished
        .output
        .lines()
        .rev()
        .find(|line| line.contains(" passed, "))
        .context("the interop script did not come to its end")?;
    Ok(())
}
