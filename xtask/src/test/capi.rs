//! The C programs of `capi-tests/`: the same program runs on the reference and on ours.
//!
//! A program exits with 0 when it passes and with 77 when it cannot run here. One whose first line says
//! `difference: <reason>` shows a behaviour we chose, and runs on ours only. `needs: <name>` there names a library that it
//! is linked with.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::{Context, Ran, Tally, count_each};
use crate::child::{Ending, Finished, Job};
use crate::compile::Step;
use crate::conformance::Library;
use crate::reference::Flavour;
use crate::toolchain::{Optional, Toolchain};

/// Programs run their cases one after the other, each with a limit of its own.
const LIMIT: Duration = Duration::from_secs(600);

/// A program of the folder.
pub struct Program {
    pub name: String,
    pub source: PathBuf,
    /// Why it does not run on the reference.
    pub difference: Option<String>,
    /// A library besides ours that it is linked with.
    pub needs: Option<String>,
    pub executable: PathBuf,
}

pub fn on_reference(context: &Context) -> Result<Tally> {
    let reference = context.reference()?;
    let library = Library {
        folder: reference.library_folder(Flavour::Draft),
        draft: false,
    };
    let mut programs = programs(context, "capi-tests")?;
    programs.retain(|program| match &program.difference {
        Some(reason) => {
            println!("only on ours: {}, {reason}", program.name);
            false
        }
        None => true,
    });
    compile_and_run(context, "capi on the reference", &programs, &library)
}

pub fn on_ours(context: &Context) -> Result<Tally> {
    let library = Library {
        folder: context.dist()?.join("lib"),
        draft: true,
    };
    let programs = programs(context, "capi-tests")?;
    compile_and_run(context, "capi on ours", &programs, &library)
}

/// The programs of a folder below the root, sorted.
pub fn programs(context: &Context, folder: &str) -> Result<Vec<Program>> {
    let sources = context.workspace.root.join(folder);
    let built = context.workspace.target.join(folder);
    let mut list = Vec::new();
    for entry in fs::read_dir(&sources).with_context(|| format!("cannot list {folder}"))? {
        let source = entry?.path();
        if source.extension().is_none_or(|extension| extension != "c") {
            continue;
        }
        let name = source
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(&source)?;
        list.push(Program {
            difference: difference(&text),
            needs: needs(&text),
            executable: built.join(&name),
            name,
            source,
        });
    }
    list.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(list)
}

fn difference(source: &str) -> Option<String> {
    let (_, reason) = source.lines().next()?.split_once("difference:")?;
    let reason = reason
        .split_once("needs:")
        .map_or(reason, |(reason, _)| reason);
    Some(reason.trim_end_matches("*/").trim().to_owned())
}

fn needs(source: &str) -> Option<String> {
    let (_, rest) = source.lines().next()?.split_once("needs:")?;
    let name = rest
        .trim_start()
        .split(|c: char| !c.is_ascii_alphanumeric());
    Some(name.into_iter().next()?.to_owned())
}

/// The step that compiles a program against our header and our library; nothing ties it to ours afterwards.
pub fn step(context: &Context, tools: &Toolchain, lib: &Path, program: &Program) -> Result<Step> {
    let root = &context.workspace.root;
    let capi = root.join("capi-tests");
    let mut inputs = vec![program.source.clone(), root.join("include/zmq.h")];
    for entry in fs::read_dir(&capi)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "h") {
            inputs.push(path);
        }
    }
    let mut arguments: Vec<OsString> = ["-std=c11", "-O1", "-g", "-pthread"]
        .map(OsString::from)
        .into();
    for folder in [&root.join("include"), &capi] {
        arguments.extend(["-I".into(), folder.clone().into_os_string()]);
    }
    arguments.push(program.source.clone().into_os_string());
    arguments.extend(["-o".into(), program.executable.clone().into_os_string()]);
    arguments.extend([
        "-L".into(),
        lib.as_os_str().to_owned(),
        "-lzmq".into(),
        "-lpthread".into(),
    ]);
    arguments.extend(program.needs.iter().map(|name| format!("-l{name}").into()));
    Ok(Step {
        output: program.executable.clone(),
        inputs,
        program: tools.cc.clone(),
        arguments,
        version: tools.version.clone(),
    })
}

fn compile_and_run(
    context: &Context,
    title: &str,
    programs: &[Program],
    library: &Library,
) -> Result<Tally> {
    let tools = Toolchain::locate()?;
    let lib = context.dist()?.join("lib");
    let mut tally = Tally::default();
    let sodium = Optional::locate(&tools).sodium;
    let (programs, left_out): (Vec<&Program>, Vec<&Program>) = programs
        .iter()
        .partition(|program| sodium || program.needs.as_deref() != Some("sodium"));
    for program in left_out {
        tally.skip(&program.name, "it needs libsodium-dev to compile");
    }
    let name = |program: &&Program| program.name.clone();
    tally.add(count_each(title, &programs, name, |program| {
        step(context, &tools, &lib, program)?.ensure()?;
        let finished = Job {
            program: program.executable.clone(),
            environment: library.environment(),
            ..Job::default()
        }
        .run_apart(LIMIT)?;
        judge(&finished)
    })?);
    Ok(tally)
}

/// What came of a program; a failure shows everything it wrote about failures, or else its end.
pub fn judge(finished: &Finished) -> Result<Ran> {
    let lines = |start: &str| -> Vec<&str> {
        let lines = finished.output.lines();
        lines.filter(|line| line.starts_with(start)).collect()
    };
    match &finished.ending {
        Ending::Exit(0) => {
            let skipped = lines("skipped ").into_iter();
            let notes = skipped.map(|line| format!("passed without a case: {line}"));
            Ok(Ran::Passed(notes.collect()))
        }
        Ending::Exit(77) => Ok(Ran::LeftOut(finished.last_line().to_owned())),
        ending => {
            let failed = lines("FAILED");
            let detail = match failed.is_empty() {
                true => finished.last_line().to_owned(),
                false => failed.join("\n  "),
            };
            bail!("{ending}\n  {detail}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_may_name_a_difference() {
        assert_eq!(
            difference("/* difference: no abort here */\nint x;").as_deref(),
            Some("no abort here")
        );
        assert_eq!(difference("/* iov */\n/* difference: too late */"), None);
        assert_eq!(difference(""), None);
    }

    #[test]
    fn the_first_line_may_name_a_library() {
        assert_eq!(
            needs("/* needs: sodium. By hand */").as_deref(),
            Some("sodium")
        );
        assert_eq!(needs("/* iov */\n/* needs: sodium */"), None);
        let both = "/* difference: it does. needs: sodium */";
        assert_eq!(needs(both).as_deref(), Some("sodium"));
        assert_eq!(difference(both).as_deref(), Some("it does."));
    }

    #[test]
    fn verdicts_follow_exit_codes() {
        let mut tally = Tally::default();
        for (code, output) in [
            (0, ""),
            (77, "skipped x: no ipv6"),
            (1, "ok\nFAILED a\n"),
            (3, ""),
        ] {
            let outcome = judge(&Finished {
                ending: Ending::Exit(code),
                output: output.into(),
            });
            tally.count("x", outcome);
        }
        assert_eq!(
            tally,
            Tally {
                passed: 1,
                failed: 2,
                skipped: 1
            }
        );
    }
}
