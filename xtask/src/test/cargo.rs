//! The stages that cargo runs.

use std::ffi::OsString;
use std::time::Duration;

use anyhow::{Result, bail};

use super::{Context, Tally};
use crate::child::{Ending, Finished, Job};
use crate::toolchain;

/// Compiling everything on a small machine is part of it.
const LIMIT: Duration = Duration::from_secs(45 * 60);

fn cargo(context: &Context, arguments: &[&str]) -> Result<Finished> {
    cargo_with(context, arguments, &[])
}

pub fn cargo_with(
    context: &Context,
    arguments: &[&str],
    environment: &[(&'static str, OsString)],
) -> Result<Finished> {
    let mut variables = vec![("CARGO_TERM_COLOR", "never".into())];
    if toolchain::has_sodium() {
        variables.push(("SODIUM_USE_PKG_CONFIG", "1".into()));
    }
    variables.extend_from_slice(environment);
    let job = Job {
        program: std::env::var_os("CARGO")
            .unwrap_or_else(|| "cargo".into())
            .into(),
        arguments: arguments.iter().map(Into::into).collect(),
        environment: variables,
        folder: Some(context.workspace.root.clone()),
        group: false,
    };
    job.run(LIMIT)
}

fn check(context: &Context, arguments: &[&str]) -> Result<Tally> {
    judge(arguments, cargo(context, arguments)?)
}

/// The same in `fuzz/`, which is a workspace of its own.
fn check_fuzz(context: &Context, arguments: &[&str]) -> Result<Tally> {
    let target = context.workspace.target.join("fuzz").into_os_string();
    let finished = cargo_with(context, arguments, &[("CARGO_TARGET_DIR", target)])?;
    judge(arguments, finished)
}

fn judge(arguments: &[&str], finished: Finished) -> Result<Tally> {
    let mut tally = Tally::default();
    match finished.ending {
        Ending::Exit(0) => tally.pass(),
        ending => tally.fail(
            &format!("cargo {}", arguments.join(" ")),
            &format!("{ending}\n{}", finished.output),
        ),
    }
    Ok(tally)
}

pub fn format(context: &Context) -> Result<Tally> {
    let mut tally = check(context, &["fmt", "--all", "--check"])?;
    tally.add(check_fuzz(
        context,
        &["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"],
    )?);
    Ok(tally)
}

pub fn lint(context: &Context) -> Result<Tally> {
    let mut tally = check(
        context,
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--features",
            "ozmq/bench",
            "--",
            "-D",
            "warnings",
        ],
    )?;
    tally.add(check_fuzz(
        context,
        &[
            "clippy",
            "--manifest-path",
            "fuzz/Cargo.toml",
            "--",
            "-D",
            "warnings",
        ],
    )?);
    Ok(tally)
}

pub fn test(context: &Context) -> Result<Tally> {
    let arguments = ["test", "--workspace", "--no-fail-fast"];
    tally("cargo test", cargo(context, &arguments)?)
}

/// The models of the protocols between threads, in a target folder of their own: the flag would have everything else
/// compiled anew.
pub fn models(context: &Context) -> Result<Tally> {
    let target = context.workspace.target.join("loom");
    let finished = cargo_with(
        context,
        &["test", "--release", "--lib", "loom"],
        &[
            ("RUSTFLAGS", "--cfg loom".into()),
            ("CARGO_TARGET_DIR", target.into_os_string()),
            // Linking for speed takes longer than the models.
            ("CARGO_PROFILE_RELEASE_LTO", "off".into()),
            ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16".into()),
        ],
    )?;
    tally("cargo test of the models", finished)
}

fn tally(what: &str, finished: Finished) -> Result<Tally> {
    let mut tally = count(&finished.output);
    if finished.ending != Ending::Exit(0) {
        println!("{}", finished.output);
        // A program that did not compile, or died before its last line, counts itself nowhere.
        if tally.failed == 0 {
            tally.fail(what, &finished.ending.to_string());
        }
    }
    if tally.passed == 0 && tally.failed == 0 {
        bail!("{what} ran no test");
    }
    Ok(tally)
}

/// Adds up the lines "test result: ok. 3 passed; 0 failed; 1 ignored; …".
fn count(output: &str) -> Tally {
    let mut tally = Tally::default();
    for line in output.lines() {
        let Some((_, counts)) = line
            .split_once("test result: ")
            .and_then(|(_, rest)| rest.split_once(". "))
        else {
            continue;
        };
        for part in counts.split(';') {
            let mut words = part.split_whitespace();
            let number = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
            match words.next() {
                Some("passed") => tally.passed += number,
                Some("failed") => tally.failed += number,
                Some("ignored") => tally.skipped += number,
                _ => {}
            }
        }
    }
    if tally.skipped > 0 {
        println!(
            "skipped {} tests: marked to be ignored in a normal run",
            tally.skipped
        );
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_test_is_a_failure() {
        let finished = |code, output: &str| Finished {
            ending: Ending::Exit(code),
            output: output.into(),
        };
        let none = "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 90 filtered out";
        assert!(tally("x", finished(0, none)).is_err());
        assert!(tally("x", finished(0, "")).is_err());
        assert_eq!(
            tally("x", finished(101, "signal: 6, SIGABRT"))
                .unwrap()
                .failed,
            1
        );
    }

    #[test]
    fn result_lines_are_added_up() {
        let text = "running 2 tests\ntest result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; \
                    finished in 0.00s\n\ntest result: FAILED. 5 passed; 1 failed; 2 ignored; 0 measured\n";
        assert_eq!(
            count(text),
            Tally {
                passed: 7,
                failed: 1,
                skipped: 2
            }
        );
    }
}
