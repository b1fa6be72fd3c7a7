//! The C programs of `capi-tests/`: the same program runs on the reference and on ours.
//!
//! A program exits with 0 when it passes and with 77 when it cannot run here. One whose first line says
//! `difference: <reason>` shows a behaviour we chose, and runs on ours only. `needs: <name>` there names a library that it
//! is linked with.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rayon::prelude::*;

use super::{Context, Tally};
use crate::child::{Ending, Finished, Job};
use crate::compile::{Step, default_jobs, progress};
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
    let bar = progress(title, programs.len() as u64);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(default_jobs())
        .build()?;
    let outcomes: Vec<Result<Finished>> = pool.install(|| {
        programs
            .par_iter()
            .map(|program| {
                step(context, &tools, &lib, program)?.ensure()?;
                let folder = tempfile::tempdir()?;
                let finished = Job {
                    program: program.executable.clone(),
                    environment: library.environment(),
                    folder: Some(folder.path().to_owned()),
                    group: true,
                    ..Job::default()
                }
                .run(LIMIT);
                bar.inc(1);
                finished
            })
            .collect()
    });
    bar.finish_and_clear();
    for (program, outcome) in programs.iter().zip(outcomes) {
        judge(&mut tally, &program.name, outcome);
    }
    Ok(tally)
}

/// Counts one program; a failure shows everything it wrote about failures, or else its end.
pub fn judge(tally: &mut Tally, name: &str, outcome: Result<Finished>) {
    match outcome {
        Err(error) => tally.fail(name, &format!("{error:#}")),
        Ok(finished) => match finished.ending {
            Ending::Exit(0) => {
                tally.pass();
                for line in finished
                    .output
                    .lines()
                    .filter(|line| line.starts_with("skipped "))
                {
                    println!("   {name} passed without a case: {line}");
                }
            }
            Ending::Exit(77) => tally.skip(name, finished.last_line()),
            ref ending => {
                let lines: Vec<&str> = finished
                    .output
                    .lines()
                    .filter(|line| line.starts_with("FAILED"))
                    .collect();
                let detail = if lines.is_empty() {
                    finished.last_line().to_owned()
                } else {
                    lines.join("\n  ")
                };
                tally.fail(name, &format!("{ending}\n  {detail}"));
            }
        },
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
            judge(
                &mut tally,
                "x",
                Ok(Finished {
                    ending: Ending::Exit(code),
                    output: output.into(),
                }),
            );
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
