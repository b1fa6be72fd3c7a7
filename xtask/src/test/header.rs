//! The public header compiles alone, without a warning, in every language version that users have.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};
use rayon::prelude::*;

use super::{Context, Tally};
use crate::toolchain::Toolchain;

const C: [&str; 3] = ["c99", "c11", "c17"];
const CXX: [&str; 4] = ["c++11", "c++14", "c++17", "c++20"];

pub fn run(context: &Context) -> Result<Tally> {
    let include = context.workspace.root.join("include");
    ensure!(
        include.join("zmq.h").exists(),
        "include/zmq.h does not exist"
    );
    let tools = Toolchain::locate()?;
    let folder = tempfile::tempdir()?;
    for name in ["alone.c", "alone.cpp"] {
        fs::write(folder.path().join(name), "#include <zmq.h>\n")?;
    }
    let mut cases = Vec::new();
    for draft in [false, true] {
        cases.extend(C.map(|standard| (tools.cc.as_str(), "alone.c", standard, draft)));
        cases.extend(CXX.map(|standard| (tools.cxx.as_str(), "alone.cpp", standard, draft)));
    }
    let outcomes: Vec<Result<(), String>> = cases
        .par_iter()
        .map(|(compiler, file, standard, draft)| {
            let mut command = Command::new(compiler);
            command
                .arg(format!("-std={standard}"))
                .args([
                    "-Wall",
                    "-Wextra",
                    "-pedantic",
                    "-Werror",
                    "-fsyntax-only",
                    "-I",
                ])
                .arg(&include)
                .arg(folder.path().join(file));
            if *draft {
                command.arg("-DZMQ_BUILD_DRAFT_API");
            }
            let output = command.output().map_err(|error| error.to_string())?;
            match output.status.success() {
                true => Ok(()),
                false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
            }
        })
        .collect();
    let mut tally = Tally::default();
    for ((_, _, standard, draft), outcome) in cases.iter().zip(outcomes) {
        let drafts = if *draft { " with drafts" } else { "" };
        match outcome {
            Ok(()) => tally.pass(),
            Err(text) => tally.fail(&format!("zmq.h as {standard}{drafts}"), &text),
        }
    }
    Ok(tally)
}
