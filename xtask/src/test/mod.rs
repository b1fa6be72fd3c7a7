//! `cargo xtask test`: everything, stage by stage, counted.

mod abi;
mod capi;
mod cargo;
mod fuzz;
mod gssapi;
mod header;
mod instructions;
mod interop;
mod memcheck;
mod tally;

use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::{Context as _, Result};

use crate::conformance::{self, Library, Manner, Outcome, PAGE, Table, Verdict};
use crate::dist;
use crate::parallel::default_jobs;
use crate::reference::{Flavour, Reference};
use crate::workspace::Workspace;

use self::tally::{Ran, Tally, count_each};

/// Arguments of `cargo xtask test`.
#[derive(clap::Args, Clone)]
pub struct Options {
    /// Only these stages
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(STAGES.map(|stage| stage.name)))]
    stages: Vec<String>,
    /// Accept a library that does not define every function yet
    #[arg(long)]
    allow_missing: bool,
    /// Make what the stage `instructions` counts the figures it compares with
    #[arg(long)]
    record: bool,
}

/// One stage: its name, what it is about, and what it does.
struct Stage {
    name: &'static str,
    title: &'static str,
    run: fn(&Context) -> Result<Tally>,
}

const STAGES: [Stage; 15] = [
    Stage {
        name: "format",
        title: "rustfmt",
        run: cargo::format,
    },
    Stage {
        name: "lint",
        title: "clippy",
        run: cargo::lint,
    },
    Stage {
        name: "unit",
        title: "cargo test: unit, protocol and architecture tests",
        run: cargo::test,
    },
    Stage {
        name: "loom",
        title: "models of the protocols between threads",
        run: cargo::models,
    },
    Stage {
        name: "fuzz",
        title: "the fuzz targets, a few seconds each",
        run: fuzz::run,
    },
    Stage {
        name: "dist",
        title: "what ships: exported names, SONAME, linking",
        run: distribution,
    },
    Stage {
        name: "abi",
        title: "symbols of Debian's libzmq in ours, by abidiff",
        run: abi::run,
    },
    Stage {
        name: "header",
        title: "zmq.h alone, in every C and C++ it must compile in",
        run: header::run,
    },
    Stage {
        name: "instructions",
        title: "what a message costs, in instructions",
        run: instructions::run,
    },
    Stage {
        name: "capi-reference",
        title: "C programs on the reference",
        run: capi::on_reference,
    },
    Stage {
        name: "capi",
        title: "C programs on ours",
        run: capi::on_ours,
    },
    Stage {
        name: "interop",
        title: "both libraries on one wire",
        run: interop::run,
    },
    Stage {
        name: "gssapi",
        title: "GSSAPI in a Kerberos realm, on both libraries",
        run: gssapi::run,
    },
    Stage {
        name: "conformance",
        title: "libzmq's own test programs on ours",
        run: conformance,
    },
    Stage {
        name: "memcheck",
        title: "some of them under valgrind: errors and leaks",
        run: memcheck::run,
    },
];

/// The command that writes the page of conformance.
const WRITE: &str = "cargo xtask reference";

/// What every stage may use.
struct Context {
    workspace: Workspace,
    allow_missing: bool,
    record: bool,
    built: OnceLock<Option<PathBuf>>,
}

impl Context {
    /// The distribution that the stages after `dist` run on, built once; its failure is told in full once.
    fn dist(&self) -> Result<PathBuf> {
        if let Some(built) = self.built.get() {
            return built
                .clone()
                .context("there is no distribution to run on, see above");
        }
        let options = dist::Options {
            allow_missing: self.allow_missing,
            ..Default::default()
        };
        let result = dist::run(&self.workspace, &options);
        self.built.get_or_init(|| result.as_ref().ok().cloned());
        result
    }

    fn reference(&self) -> Result<Reference> {
        let reference = Reference::new(&self.workspace, default_jobs())?;
        reference.build_library(Flavour::Draft)?;
        Ok(reference)
    }
}

/// Runs the stages one after the other; a failing one does not keep the others from running.
pub fn run(workspace: Workspace, options: &Options) -> Result<bool> {
    let context = Context {
        workspace,
        allow_missing: options.allow_missing,
        record: options.record,
        built: OnceLock::new(),
    };
    let mut total = Tally::default();
    for stage in &STAGES {
        if !options.stages.is_empty() && !options.stages.iter().any(|name| name == stage.name) {
            println!("== {}: left out", stage.name);
            continue;
        }
        println!("== {}: {}", stage.name, stage.title);
        let tally = (stage.run)(&context).unwrap_or_else(|error| {
            let mut tally = Tally::default();
            tally.fail(stage.name, &format!("{error:#}"));
            tally
        });
        let tally = tally.settle(stage.name);
        println!("   {}", tally.line());
        total.add(tally);
    }
    println!("{}", total.line());
    Ok(total.failed == 0)
}

fn distribution(context: &Context) -> Result<Tally> {
    context.dist()?;
    Ok(Tally {
        passed: 1,
        ..Tally::default()
    })
}

fn conformance(context: &Context) -> Result<Tally> {
    let mut tally = Tally::default();
    let reference = context.reference()?;
    let table = Table::read(&context.workspace.root)?;
    let names = reference.test_names()?;
    for name in names.iter().filter(|name| !table.0.contains_key(*name)) {
        tally.fail(name, &format!("{PAGE} does not name it: `{WRITE}`"));
    }
    for name in table.0.keys().filter(|name| !names.contains(name)) {
        if name == "test_security_curve" {
            tally.skip(name, "it needs libsodium-dev to compile");
        } else {
            tally.fail(name, &format!("{PAGE} names a program that does not exist"));
        }
    }
    reference.build_tests(&names)?;
    let library = Library {
        folder: context.dist()?.join("lib"),
        draft: true,
    };
    let folder = reference.test_folder();
    // What is said to fail gets no second chance to do so.
    for again in [true, false] {
        let of_this_kind = |name: &&String| {
            let said = table.0.get(*name).map(|row| row.ours);
            said.is_some_and(|said| again == (said != Outcome::Fail))
        };
        let names: Vec<String> = names.iter().filter(of_this_kind).cloned().collect();
        let manner = Manner {
            jobs: default_jobs(),
            again,
            show: again,
        };
        let verdicts = conformance::run_programs("conformance", &folder, &names, &library, manner)?;
        for (name, verdict) in names.iter().zip(&verdicts) {
            let Some(row) = table.0.get(name) else {
                continue;
            };
            match (row.ours, verdict) {
                (said, verdict) if said == verdict.into() => tally.pass(),
                (_, Verdict::Fail(reason)) => tally.fail(name, reason),
                (said, verdict) => tally.fail(
                    name,
                    &format!("{PAGE} says {said:?}, and it is {verdict:?}: `{WRITE}`"),
                ),
            }
        }
    }
    Ok(tally)
}
