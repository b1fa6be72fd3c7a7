//! `cargo xtask bench` and `cargo xtask demo`: this library beside libzmq and beside what the machine allows.
//!
//! A [`scenario::Scenario`] says what runs, the [`catalogue`] lists all of them, [`run`] runs one of them once,
//! [`measure`] runs all contenders in turn, [`verdict`] judges, [`report`] and [`plot`] show.

mod catalogue;
mod measure;
mod perf;
mod plot;
mod programs;
mod report;
mod run;
mod scenario;
mod verdict;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::dist;
use crate::parallel::{default_jobs, progress};
use crate::reference::{Flavour, Reference};
use crate::workspace::Workspace;
use measure::{Effort, Row, measure};
use run::Bench;
use scenario::{Contender, Scenario};

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args, Clone)]
pub struct Options {
    /// Fewer scenarios, shorter runs: under five minutes
    #[arg(long)]
    quick: bool,
    /// Only scenarios whose name contains this, for instance "tcp throughput, 10 B"
    #[arg(long, default_value = "")]
    only: String,
    /// Runs of each contender, alternating [default: 5, quick: 3]
    #[arg(long)]
    rounds: Option<usize>,
    /// Seconds that a run should take [default: 1, quick: 0.3]
    #[arg(long)]
    seconds: Option<f64>,
    /// Also run each library against the other, in both directions, on libzmq's own programs
    #[arg(long)]
    mixed: bool,
    /// Measure the libzmq.so.5 of this folder instead of building ours
    #[arg(long)]
    lib: Option<PathBuf>,
    /// List the scenarios and stop
    #[arg(long)]
    list: bool,
}

/// Builds everything and measures briefly with libzmq's own programs: a first look in under five minutes.
pub fn demo(workspace: &Workspace) -> Result<bool> {
    let begin = Instant::now();
    let (bench, _) = prepare(workspace, None)?;
    let effort = Effort {
        rounds: 3,
        target: Duration::from_millis(500),
        limit: Duration::from_secs(6),
    };
    let list = catalogue::demo();
    let rows = measure_all(&bench, &list, &[Contender::Libzmq, Contender::Ozmq], effort);
    println!(
        "libzmq 4.3.5 and this library on libzmq's own programs; medians of {} alternating runs",
        effort.rounds
    );
    println!("a ratio above 1 means that this library is better\n");
    print!("{}", report::tables(&rows, &[]));
    println!("{} s in total", begin.elapsed().as_secs());
    Ok(rows.iter().all(|row| row.median(Contender::Ozmq).is_some()))
}

/// Measures, prints, and after a full run writes `docs/performance.md`; false when something is missed.
pub fn bench(workspace: &Workspace, options: &Options) -> Result<bool> {
    let mut list = catalogue::all();
    list.retain(|scenario| {
        scenario.name().contains(&options.only) && (scenario.quick || !options.quick)
    });
    ensure!(!list.is_empty(), "no scenario matches");
    if options.list {
        list.iter()
            .for_each(|scenario| println!("{}", scenario.name()));
        return Ok(true);
    }
    let (bench, reference) = prepare(workspace, options.lib.clone())?;
    if !reference.has_curve() {
        eprintln!("note: the reference is built without CURVE, so CURVE is not measured");
        list.retain(|scenario| !scenario.uses_curve());
    }
    let seconds = options
        .seconds
        .unwrap_or(if options.quick { 0.3 } else { 1.0 });
    let effort = Effort {
        rounds: options
            .rounds
            .unwrap_or(if options.quick { 3 } else { 5 })
            .max(1),
        target: Duration::try_from_secs_f64(seconds)?,
        limit: Duration::try_from_secs_f64(seconds * 5.0 + 5.0)?,
    };
    let mut contenders = vec![Contender::Libzmq, Contender::Ozmq, Contender::Limit];
    if options.mixed {
        contenders.extend([Contender::OzmqToLibzmq, Contender::LibzmqToOzmq]);
    }
    let rows = measure_all(&bench, &list, &contenders, effort);
    print!("{}", report::tables(&rows, &[]));
    if !options.quick && options.only.is_empty() {
        write_page(workspace, &rows, effort)?;
    }
    let missed = report::missed(&rows);
    if missed.is_empty() {
        println!("every budget is met");
    } else {
        println!("missed:");
        missed.iter().for_each(|line| println!("  {line}"));
    }
    Ok(missed.is_empty())
}

fn prepare(workspace: &Workspace, lib: Option<PathBuf>) -> Result<(Bench, Reference)> {
    let reference = Reference::new(workspace, default_jobs())?;
    reference.build_library(Flavour::Release)?;
    reference.build_perf()?;
    let own = programs::build(workspace, &reference)?;
    let ozmq = match lib {
        Some(folder) => folder
            .canonicalize()
            .with_context(|| format!("there is no {}", folder.display()))?,
        None => dist::run(workspace, &dist::Options::default())?.join("lib"),
    };
    ensure!(
        ozmq.join(dist::SONAME).exists(),
        "there is no {} in {}",
        dist::SONAME,
        ozmq.display()
    );
    let bench = Bench {
        libzmq: reference.library_folder(Flavour::Release),
        ozmq,
        perf: reference.perf_folder(),
        own,
    };
    Ok((bench, reference))
}

fn measure_all(
    bench: &Bench,
    list: &[Scenario],
    contenders: &[Contender],
    effort: Effort,
) -> Vec<Row> {
    let bar = progress("measuring", list.len() as u64);
    let rows = list
        .iter()
        .map(|scenario| {
            if bar.is_hidden() {
                eprintln!("measuring {}", scenario.name());
            }
            let row = measure(bench, scenario, contenders, effort, &bar);
            bar.inc(1);
            row
        })
        .collect();
    bar.finish_and_clear();
    rows
}

fn write_page(workspace: &Workspace, rows: &[Row], effort: Effort) -> Result<()> {
    let docs = workspace.root.join("docs");
    let folder = docs.join("performance");
    fs::create_dir_all(&folder)?;
    // A family that is gone must not leave its plot behind.
    for file in fs::read_dir(&folder)? {
        let path = file?.path();
        if path.extension().is_some_and(|ending| ending == "svg") {
            fs::remove_file(path)?;
        }
    }
    let plots = plot::draw(rows, &folder)?;
    let page = docs.join("performance.md");
    fs::write(&page, report::page(rows, effort, &plots))
        .with_context(|| format!("cannot write {}", page.display()))?;
    println!("wrote {} and {} plots", page.display(), plots.len());
    Ok(())
}
