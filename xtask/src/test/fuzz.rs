//! `fuzz/`: every target for a few seconds, from its seeds on. A maintainer lets them run for hours; `fuzz/README.md` says
//! how.
//!
//! libFuzzer needs instrumented code, and that a stable compiler makes too: what cargo-fuzz wants a nightly one for is the
//! address sanitizer, which has little to find where unsafe code is forbidden.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::cargo::cargo_with;
use super::{Context, Ran, Tally, count_each};
use crate::child::{Ending, Finished, Job};
use crate::toolchain::Toolchain;

const LIMIT: Duration = Duration::from_secs(120);
const SECONDS: u32 = 5;

const FLAGS: &str = "--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";

pub fn run(context: &Context) -> Result<Tally> {
    // libFuzzer itself is C++.
    Toolchain::locate()?;
    let folder = context.workspace.root.join("fuzz");
    let target = context.workspace.target.join("fuzz");
    let host = host()?;
    let manifest = folder.join("Cargo.toml");
    let built = cargo_with(
        context,
        &[
            "build",
            "--release",
            // Without it the flags would reach build scripts too.
            "--target",
            &host,
            "--manifest-path",
            &manifest.to_string_lossy(),
        ],
        &[
            ("RUSTFLAGS", FLAGS.into()),
            ("CARGO_TARGET_DIR", target.clone().into_os_string()),
        ],
    )?;
    ensure!(
        built.ending == Ending::Exit(0),
        "the fuzz targets do not build: {}\n{}",
        built.ending,
        built.output
    );
    let names = names(&folder.join("fuzz_targets"))?;
    let artifacts = target.join("artifacts");
    fs::create_dir_all(&artifacts)?;
    count_each("fuzz targets", &names, String::clone, |name| {
        let mut arguments: Vec<OsString> = vec![
            format!("-max_total_time={SECONDS}").into(),
            "-timeout=20".into(),
            "-rss_limit_mb=1024".into(),
            "-max_len=8192".into(),
        ];
        let mut prefix = OsString::from("-artifact_prefix=");
        prefix.push(artifacts.join(format!("{name}-")));
        arguments.push(prefix);
        // What is new goes to its own folder.
        arguments.push(".".into());
        arguments.push(folder.join("seeds").join(name).into());
        let finished = Job {
            program: target.join(&host).join("release").join(name),
            arguments,
            ..Job::default()
        }
        .run_apart(LIMIT)?;
        let count = executions(&finished)?;
        Ok(Ran::Passed(vec![format!("{count} inputs")]))
    })
}

/// The targets, sorted; each has its seeds.
fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).context("cannot list fuzz/fuzz_targets")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let stem = path.file_stem().unwrap_or_default();
            names.push(stem.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The triple that this compiler makes code for.
fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc -vV names no host")?.to_owned())
}

/// How many inputs a run tried; an error when it found something, or tried next to none.
fn executions(finished: &Finished) -> Result<u64> {
    let Finished { ending, output } = finished;
    let told: Vec<&str> = output
        .lines()
        .filter(|line| !line.starts_with("INFO:") && !line.starts_with('#'))
        .collect();
    ensure!(*ending == Ending::Exit(0), "{ending}\n{}", told.join("\n"));
    let done = output.lines().find(|line| line.contains("DONE"));
    let count = done
        .and_then(|line| line.strip_prefix('#')?.split_whitespace().next())
        .and_then(|count| count.parse().ok())
        .context("the target did not come to its end")?;
    ensure!(count > 100, "it tried only {count} inputs");
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(ending: Ending, output: &str) -> Result<u64> {
        let output = output.to_owned();
        executions(&Finished { ending, output })
    }

    #[test]
    fn what_was_found_is_told() {
        let output = "INFO: Loaded\n#2\tINITED\nthread panicked at x\n#9 DONE\n";
        let error = judged(Ending::Exit(77), output).unwrap_err().to_string();
        assert!(error.contains("panicked at x") && !error.contains("INITED"));
    }

    #[test]
    fn a_run_that_tried_nothing_fails() {
        assert_eq!(
            judged(Ending::Exit(0), "#4096\tDONE   cov: 3\n").unwrap(),
            4096
        );
        assert!(judged(Ending::Exit(0), "#3\tDONE   cov: 3\n").is_err());
        assert!(judged(Ending::Exit(0), "#4096\tpulse\n").is_err());
    }
}
