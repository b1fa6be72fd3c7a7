//! `cargo xtask reference`: libzmq's own test programs, unchanged, on the reference and on ours.

mod table;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::ValueEnum;
use comfy_table::presets;

use crate::child::{Ending, Finished, Job};
use crate::dist;
use crate::parallel::{self, default_jobs};
use crate::reference::{Flavour, Reference};
use crate::workspace::Workspace;

pub use table::{Outcome, PAGE, Table};

/// Arguments of `cargo xtask reference`.
#[derive(clap::Args, Clone)]
pub struct Options {
    /// Only programs whose name contains this
    #[arg(long, default_value = "")]
    filter: String,
    /// How many programs at once
    #[arg(long, default_value_t = default_jobs())]
    jobs: usize,
    /// Which library to run them on
    #[arg(long, value_enum, default_value_t = Which::Both)]
    library: Which,
    /// Run on the library of this prefix instead of building ours
    #[arg(long)]
    prefix: Option<PathBuf>,
    /// Print what failing programs wrote
    #[arg(long)]
    output: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    Ours,
    Reference,
    Both,
}

/// What came of one program on one library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    /// It failed beside others and passed alone.
    PassAlone,
    Skip,
    Fail(String),
}

impl Verdict {
    pub fn passed(&self) -> bool {
        matches!(self, Self::Pass | Self::PassAlone)
    }

    /// What a program's end says.
    pub fn of(finished: &Finished) -> Self {
        match &finished.ending {
            Ending::Exit(0) if left_out(&finished.output) => Self::Skip,
            Ending::Exit(0) => Self::Pass,
            Ending::Exit(77) => Self::Skip,
            ending => Self::Fail(match Counts::of(&finished.output) {
                Some(Counts {
                    tests, failures, ..
                }) => format!("{ending}, {failures} of {tests} failed"),
                None => ending.to_string(),
            }),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Pass => "pass".into(),
            Self::PassAlone => "pass (alone)".into(),
            Self::Skip => "skip".into(),
            Self::Fail(reason) => format!("FAIL {reason}"),
        }
    }
}

/// A program that leaves all its tests out proves nothing, though it ends well.
fn left_out(output: &str) -> bool {
    let all = Counts::of(output).is_some_and(|counts| counts.ignored == counts.tests);
    all || output.trim_end().ends_with("skipping test")
}

/// The line in which the test framework counts, such as "3 Tests 1 Failures 0 Ignored".
#[derive(Clone, Copy)]
struct Counts {
    tests: u32,
    failures: u32,
    ignored: u32,
}

impl Counts {
    fn of(output: &str) -> Option<Self> {
        let line = output
            .lines()
            .rev()
            .find(|line| line.contains(" Tests ") && line.contains(" Failures "))?;
        let mut numbers = line.split_whitespace().step_by(2).map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self {
            tests: next()?,
            failures: next()?,
            ignored: next()?,
        })
    }
}

/// A library that programs find by LD_LIBRARY_PATH.
pub struct Library {
    pub folder: PathBuf,
    /// Ours answers to `zmq_has ("draft")` as a draft build only when told so.
    pub draft: bool,
}

impl Library {
    pub fn environment(&self) -> Vec<(&'static str, std::ffi::OsString)> {
        let mut environment = vec![("LD_LIBRARY_PATH", self.folder.clone().into_os_string())];
        if self.draft {
            environment.push(("OZMQ_DRAFT", "1".into()));
        }
        environment
    }
}

/// How long a program may run: its own build system's figures, stretched where a busy machine needs it.
fn limit(name: &str) -> Duration {
    Duration::from_secs(match name {
        "test_heartbeats" | "test_security_curve" | "test_security_zap" => 60,
        "test_reconnect_ivl" => 45,
        "test_radio_dish" => 30,
        _ => 10,
    })
}

fn run_program(program: &Path, name: &str, library: &Library) -> Result<Finished> {
    let job = Job {
        program: program.to_owned(),
        environment: library.environment(),
        ..Job::default()
    };
    job.run_apart(limit(name))
}

/// How programs are run.
#[derive(Clone, Copy)]
pub struct Manner {
    /// How many at once.
    pub jobs: usize,
    /// What fails gets a second chance, alone.
    pub again: bool,
    /// Print what failing programs wrote.
    pub show: bool,
}

/// Runs the programs.
pub fn run_programs(
    title: &str,
    folder: &Path,
    names: &[String],
    library: &Library,
    manner: Manner,
) -> Result<Vec<Verdict>> {
    let Manner { jobs, again, show } = manner;
    let mut verdicts = parallel::each(title, names, jobs, |name| {
        let finished = run_program(&folder.join(name), name, library)?;
        Ok(Verdict::of(&finished))
    })?;
    for (name, verdict) in names.iter().zip(&mut verdicts) {
        if !again || !matches!(verdict, Verdict::Fail(_)) {
            continue;
        }
        let finished = run_program(&folder.join(name), name, library)?;
        *verdict = match Verdict::of(&finished) {
            Verdict::Pass => Verdict::PassAlone,
            other => other,
        };
        if show && !verdict.passed() {
            println!(
                "--- {name}, {title}: {}\n{}",
                verdict.text(),
                finished.output
            );
        }
    }
    Ok(verdicts)
}

/// The command: builds, runs, prints. A run of all programs on both libraries writes the page anew; any other is held
/// against it, and false when it differs.
pub fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let reference = Reference::new(workspace, default_jobs())?;
    reference.build_library(Flavour::Draft)?;
    let mut names = reference.test_names()?;
    names.retain(|name| name.contains(&options.filter));
    ensure!(
        !names.is_empty(),
        "no test program's name contains {:?}",
        options.filter
    );
    reference.build_tests(&names)?;
    let folder = reference.test_folder();
    let column = |title: &str, library: Library| {
        run_programs(
            title,
            &folder,
            &names,
            &library,
            Manner {
                jobs: options.jobs,
                again: true,
                show: options.output,
            },
        )
    };

    let theirs = match options.library {
        Which::Ours => None,
        _ => Some(column(
            "reference",
            Library {
                folder: reference.library_folder(Flavour::Draft),
                draft: false,
            },
        )?),
    };
    let ours = match options.library {
        Which::Reference => None,
        _ => {
            let prefix = match &options.prefix {
                Some(prefix) => prefix.canonicalize()?,
                None => dist::run(
                    workspace,
                    &dist::Options {
                        allow_missing: true,
                        ..Default::default()
                    },
                )?,
            };
            Some(column(
                "ours",
                Library {
                    folder: prefix.join("lib"),
                    draft: true,
                },
            )?)
        }
    };
    if !reference.has_curve() {
        println!(
            "libsodium is missing: the reference runs without CURVE, test_security_curve is left out"
        );
    }
    print_table(&names, theirs.as_deref(), ours.as_deref());
    let Some(ours) = ours else {
        return Ok(true);
    };
    match theirs {
        Some(theirs) if options.filter.is_empty() => {
            Table::of(&names, &theirs, &ours).write(&workspace.root)?;
            println!("{PAGE} is written");
            Ok(true)
        }
        _ => Ok(check(&Table::read(&workspace.root)?, &names, &ours)),
    }
}

/// Holds what ran against the page.
fn check(table: &Table, names: &[String], ours: &[Verdict]) -> bool {
    let mut good = true;
    for (name, verdict) in names.iter().zip(ours) {
        let said = table.0.get(name).map(|row| row.ours);
        if said != Some(verdict.into()) {
            println!("{PAGE} says otherwise of {name}: {}", verdict.text());
            good = false;
        }
    }
    good
}

fn print_table(names: &[String], theirs: Option<&[Verdict]>, ours: Option<&[Verdict]>) {
    let mut table = comfy_table::Table::new();
    table
        .load_preset(presets::ASCII_MARKDOWN)
        .set_header(["program", "reference", "ours"]);
    let cell = |column: Option<&[Verdict]>, row: usize| {
        column
            .and_then(|verdicts| verdicts.get(row))
            .map_or("-".to_owned(), Verdict::text)
    };
    for (row, name) in names.iter().enumerate() {
        table.add_row([name.clone(), cell(theirs, row), cell(ours, row)]);
    }
    println!("{table}");
    for (title, column) in [("reference", theirs), ("ours", ours)] {
        let Some(verdicts) = column else { continue };
        let passed = verdicts.iter().filter(|verdict| verdict.passed()).count();
        let skipped = verdicts
            .iter()
            .filter(|verdict| **verdict == Verdict::Skip)
            .count();
        let failed = verdicts.len() - passed - skipped;
        println!(
            "{title}: {passed} passed, {failed} failed, {skipped} skipped of {}",
            verdicts.len()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(ending: Ending, output: &str) -> Finished {
        Finished {
            ending,
            output: output.into(),
        }
    }

    #[test]
    fn verdicts_follow_exit_codes() {
        assert_eq!(Verdict::of(&finished(Ending::Exit(0), "")), Verdict::Pass);
        assert_eq!(Verdict::of(&finished(Ending::Exit(77), "")), Verdict::Skip);
        let ignored = "-----\n2 Tests 0 Failures 2 Ignored \nOK\n";
        assert_eq!(
            Verdict::of(&finished(Ending::Exit(0), ignored)),
            Verdict::Skip
        );
        let said = "CURVE encryption not installed, skipping test\n";
        assert_eq!(Verdict::of(&finished(Ending::Exit(0), said)), Verdict::Skip);
        let some = "-----\n2 Tests 0 Failures 1 Ignored \nOK\n";
        assert_eq!(Verdict::of(&finished(Ending::Exit(0), some)), Verdict::Pass);
        let text = "x\n-----\n5 Tests 2 Failures 0 Ignored \nFAIL\n";
        assert_eq!(
            Verdict::of(&finished(Ending::Exit(2), text)),
            Verdict::Fail("exit code 2, 2 of 5 failed".into())
        );
    }

    #[test]
    fn the_page_is_held_to() {
        let names = ["test_a".to_owned(), "test_b".to_owned()];
        let bad = Verdict::Fail("exit code 1".into());
        let said = [Verdict::Pass, bad.clone()];
        let table = Table::of(&names, &said, &said);
        assert!(check(&table, &names, &[Verdict::PassAlone, bad.clone()]));
        assert!(!check(&table, &names, &[bad.clone(), bad.clone()]));
        assert!(!check(&table, &names, &[Verdict::Skip, bad]));
        // Better than said is wrong as well: the page is to be written anew.
        assert!(!check(&table, &names, &[Verdict::Pass, Verdict::Pass]));
        assert!(!check(&table, &["test_c".to_owned()], &[Verdict::Pass]));
    }
}
