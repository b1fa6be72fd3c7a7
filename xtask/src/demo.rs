//! `cargo xtask demo` and `cargo xtask bench`: this library beside libzmq, on libzmq's own benchmark programs.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::compare::{Effort, Pairing, Row, compare, ratio, render, scenarios};
use crate::compile::{default_jobs, progress};
use crate::dist;
use crate::perf::{Bench, Library, Scenario};
use crate::reference::{Flavour, Reference};
use crate::workspace::Workspace;

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args, Clone)]
pub struct Options {
    /// Only scenarios whose name contains this, for instance "tcp throughput"
    #[arg(long, default_value = "")]
    filter: String,
    /// Only messages of this size
    #[arg(long)]
    size: Option<usize>,
    /// Runs of each library, alternating
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds that a run should take
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Also run each library against the other, in both directions
    #[arg(long)]
    mixed: bool,
    /// Measure the library of this prefix instead of building ours
    #[arg(long)]
    prefix: Option<PathBuf>,
}

/// Builds both libraries, measures briefly, prints the table: a first look in under five minutes.
pub fn demo(workspace: &Workspace) -> Result<bool> {
    let begin = Instant::now();
    let (bench, reference, ours) = prepare(workspace, None)?;
    let list = scenarios(
        &[10, 100, 1_000, 10_000, 100_000],
        &[10, 1_000],
        &[1, 100, 10_000],
        &[100, 1_000],
    );
    let effort = Effort {
        rounds: 3,
        target: Duration::from_millis(700),
        limit: Duration::from_secs(6),
    };
    let pairings = [Pairing::alone(&reference), Pairing::alone(&ours)];
    let rows = measure(&bench, &list, &pairings, effort);
    println!(
        "libzmq 4.3.5 and this library on libzmq's own programs; medians of {} alternating runs",
        effort.rounds
    );
    println!(
        "higher throughput and lower latency are better; a ratio above 1 means this library is\n"
    );
    print!("{}", render(&rows, &pairings));
    println!("\n{} s in total", begin.elapsed().as_secs());
    Ok(rows
        .iter()
        .all(|row| ratio(row).is_some() || ours_worked(row)))
}

/// The reference is known to lose messages over ipc: that is its failure, not ours.
fn ours_worked(row: &Row) -> bool {
    let ours = row.cells.get(1).and_then(Option::as_ref);
    ours.is_some_and(|cell| cell.median.is_some())
}

/// The same with more sizes, more time and, on request, mixed pairs.
pub fn bench(workspace: &Workspace, options: &Options) -> Result<bool> {
    let (bench, reference, ours) = prepare(workspace, options.prefix.clone())?;
    let mut list = scenarios(
        &[1, 10, 64, 100, 256, 1_000, 4_096, 10_000, 65_536, 1_000_000],
        &[10, 1_000, 10_000],
        &[1, 100, 1_000, 10_000],
        &[100, 1_000],
    );
    list.retain(|scenario| {
        scenario.to_string().contains(&options.filter)
            && options.size.is_none_or(|size| size == scenario.size)
    });
    ensure!(!list.is_empty(), "no scenario matches");
    let effort = Effort {
        rounds: options.rounds.max(1),
        target: Duration::try_from_secs_f64(options.seconds)?,
        limit: Duration::try_from_secs_f64(options.seconds * 5.0 + 5.0)?,
    };
    let mut pairings = vec![Pairing::alone(&reference), Pairing::alone(&ours)];
    if options.mixed {
        pairings.push(Pairing::mixed(&reference, &ours));
        pairings.push(Pairing::mixed(&ours, &reference));
    }
    let rows = measure(&bench, &list, &pairings, effort);
    print!("{}", render(&rows, &pairings));
    Ok(rows.iter().all(ours_worked))
}

fn prepare(workspace: &Workspace, prefix: Option<PathBuf>) -> Result<(Bench, Library, Library)> {
    let reference = Reference::new(workspace, default_jobs())?;
    reference.build_library(Flavour::Release)?;
    reference.build_perf()?;
    let prefix = match prefix {
        Some(prefix) => prefix.canonicalize()?,
        None => dist::run(workspace, &dist::Options::default())?,
    };
    let theirs = Library {
        name: "libzmq".into(),
        folder: reference.library_folder(Flavour::Release),
    };
    let ours = Library {
        name: "ozmq".into(),
        folder: prefix.join("lib"),
    };
    Ok((
        Bench {
            programs: reference.perf_folder(),
        },
        theirs,
        ours,
    ))
}

fn measure(bench: &Bench, list: &[Scenario], pairings: &[Pairing], effort: Effort) -> Vec<Row> {
    let bar = progress("measuring", list.len() as u64);
    let rows = list
        .iter()
        .map(|scenario| {
            if bar.is_hidden() {
                eprintln!("measuring {scenario}, {} B", scenario.size);
            }
            let row = compare(bench, *scenario, pairings, effort, &bar);
            bar.inc(1);
            row
        })
        .collect();
    bar.finish_and_clear();
    rows
}
