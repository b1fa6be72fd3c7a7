//! The workspace's command line: `cargo xtask <command>`.

mod bench;
mod child;
mod compile;
mod conformance;
mod dist;
mod parallel;
mod reference;
mod test;
mod toolchain;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use workspace::Workspace;

/// Build, check and measure this library.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build what ships, check its symbols, lay it out as an installation prefix
    Dist(dist::Options),
    /// Run libzmq's own test programs on libzmq and on this library
    Reference(conformance::Options),
    /// Run every check and test there is, stage by stage
    Test(test::Options),
    /// Build everything and measure this library beside libzmq, in under five minutes
    Demo,
    /// Measure this library beside libzmq and beside bare sockets; a full run writes docs/performance.md
    Bench(bench::Options),
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Without the backtrace that `{:?}` adds when RUST_BACKTRACE is set.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// False when the command ran and what it checked failed.
fn run(arguments: Arguments) -> Result<bool> {
    let workspace = Workspace::locate()?;
    match arguments.command {
        Task::Dist(options) => dist::run(&workspace, &options).map(|_| true),
        Task::Reference(options) => conformance::run(&workspace, &options),
        Task::Test(options) => test::run(workspace, &options),
        Task::Demo => bench::demo(&workspace),
        Task::Bench(options) => bench::bench(&workspace, &options),
    }
}
