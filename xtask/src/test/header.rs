//! The public header compiles alone, without a warning, in every language version that users have.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};

use super::{Context, Ran, Tally, count_each};
use crate::toolchain::Toolchain;

const C: [&str; 3] = ["c99", "c11", "c17"];
const CXX: [&str; 4] = ["c++11", "c++14", "c++17", "c++20"];

const FLAGS: [&str; 6] = [
    "-Wall",
    "-Wextra",
    "-pedantic",
    "-Werror",
    "-fsyntax-only",
    "-I",
];

/// Compiler, file, standard, and whether it is to see the drafts.
type Case<'a> = (&'a str, &'a str, &'a str, bool);

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
    let mut cases: Vec<Case> = Vec::new();
    for draft in [false, true] {
        cases.extend(C.map(|standard| (tools.cc.as_str(), "alone.c", standard, draft)));
        cases.extend(CXX.map(|standard| (tools.cxx.as_str(), "alone.cpp", standard, draft)));
    }
    let name = |(_, _, standard, draft): &Case| {
        let drafts = if *draft { " with drafts" } else { "" };
        format!("zmq.h as {standard}{drafts}")
    };
    count_each(
        "zmq.h",
        &cases,
        name,
        |(compiler, file, standard, draft)| {
            let mut command = Command::new(compiler);
            command
                .arg(format!("-std={standard}"))
                .args(FLAGS)
                .arg(&include)
                .arg(folder.path().join(file));
            if *draft {
                command.arg("-DZMQ_BUILD_DRAFT_API");
            }
            let output = command.output()?;
            ensure!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            Ok(Ran::Passed(Vec::new()))
        },
    )
}
