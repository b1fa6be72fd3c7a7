//! Runs a scenario on several pairs of libraries in turn and sets the medians side by side.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use indicatif::ProgressBar;

use crate::perf::{Bench, Library, Program, Sample, Scenario, Transport};

/// Which library binds and which connects.
#[derive(Clone)]
pub struct Pairing {
    pub title: String,
    pub local: Library,
    pub remote: Library,
}

impl Pairing {
    /// One library on both sides.
    pub fn alone(library: &Library) -> Self {
        Self {
            title: library.name.clone(),
            local: library.clone(),
            remote: library.clone(),
        }
    }

    /// One binds, the other connects.
    pub fn mixed(local: &Library, remote: &Library) -> Self {
        Self {
            title: format!("{} <- {}", local.name, remote.name),
            local: local.clone(),
            remote: remote.clone(),
        }
    }

    fn is_mixed(&self) -> bool {
        self.local.folder != self.remote.folder
    }
}

/// How much effort a measurement may take.
#[derive(Clone, Copy)]
pub struct Effort {
    pub rounds: usize,
    /// How long a run of the slower library should take.
    pub target: Duration,
    /// When a run is given up.
    pub limit: Duration,
}

/// The median of one pairing, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    pub median: Option<f64>,
    pub failures: Vec<String>,
    pub runs: usize,
}

/// One scenario on every pairing, in their order; `None` where the pairing does not apply.
pub struct Row {
    pub scenario: Scenario,
    pub cells: Vec<Option<Cell>>,
}

/// Every scenario with messages of the given sizes; counts are those of the first, short run.
pub fn scenarios(
    throughput: &[usize],
    latency: &[usize],
    inproc: &[usize],
    proxy: &[usize],
) -> Vec<Scenario> {
    let mut list = Vec::new();
    let mut add = |program, transport, sizes: &[usize]| {
        for &size in sizes {
            let count = pilot_count(program, size);
            list.push(Scenario {
                program,
                transport,
                size,
                count,
            });
        }
    };
    add(Program::Throughput, Transport::Tcp, throughput);
    add(Program::Throughput, Transport::Ipc, throughput);
    add(Program::Latency, Transport::Tcp, latency);
    add(Program::Latency, Transport::Ipc, latency);
    add(Program::InprocThroughput, Transport::Inproc, inproc);
    add(
        Program::InprocLatency,
        Transport::Inproc,
        &latency[..latency.len().min(1)],
    );
    add(Program::ProxyThroughput, Transport::Inproc, proxy);
    list
}

/// About a tenth of a second on a slow machine.
fn pilot_count(program: Program, size: usize) -> u64 {
    match (program, size) {
        (Program::Latency | Program::InprocLatency, _) => 1_000,
        (_, 0..=255) => 200_000,
        (_, 256..=4_095) => 50_000,
        (_, 4_096..=32_767) => 10_000,
        (_, 32_768..=262_143) => 2_000,
        _ => 200,
    }
}

/// Chooses the count by a short run of each, then alternates: A, B, A, B.
pub fn compare(
    bench: &Bench,
    scenario: Scenario,
    pairings: &[Pairing],
    effort: Effort,
    bar: &ProgressBar,
) -> Row {
    let applies = |pairing: &Pairing| scenario.is_pair() || !pairing.is_mixed();
    let mut cells: Vec<Option<Cell>> = pairings
        .iter()
        .map(|pairing| {
            applies(pairing).then(|| Cell {
                median: None,
                failures: Vec::new(),
                runs: 0,
            })
        })
        .collect();
    let mut figures: Vec<Vec<f64>> = vec![Vec::new(); pairings.len()];

    let mut seconds = Vec::new();
    for (pairing, cell) in pairings.iter().zip(&mut cells) {
        let Some(cell) = cell else { continue };
        match bench.run_pair(&scenario, &pairing.local, &pairing.remote, effort.limit) {
            Ok(sample) => seconds.push(scenario.seconds(sample)),
            Err(failure) => cell.failures.push(failure),
        }
    }
    let scenario = Scenario {
        count: scale(scenario.count, &seconds, effort.target),
        ..scenario
    };

    for _ in 0..effort.rounds {
        for ((pairing, cell), figures) in pairings.iter().zip(&mut cells).zip(&mut figures) {
            let Some(cell) = cell else { continue };
            bar.set_message(format!(
                "{scenario}, {} B, {}",
                scenario.size, pairing.title
            ));
            // What failed three times and never worked would only cost its deadline again.
            if figures.is_empty() && cell.failures.len() >= 3 {
                continue;
            }
            cell.runs += 1;
            match bench.run_pair(&scenario, &pairing.local, &pairing.remote, effort.limit) {
                Ok(Sample(figure)) => figures.push(figure),
                Err(failure) => cell.failures.push(failure),
            }
        }
    }
    for (cell, figures) in cells.iter_mut().zip(figures) {
        if let Some(cell) = cell {
            cell.median = median(figures);
        }
    }
    Row { scenario, cells }
}

/// One count for all: the slowest takes about `target`, unless the fastest would then be over in no time.
fn scale(count: u64, seconds: &[f64], target: Duration) -> u64 {
    let target = target.as_secs_f64();
    let slowest = seconds.iter().copied().fold(0.0, f64::max);
    let fastest = seconds.iter().copied().fold(f64::INFINITY, f64::min);
    if slowest <= 0.0 {
        return count;
    }
    let factor = (target / slowest)
        .max(target / 4.0 / fastest)
        .min(2.0 * target / slowest);
    ((count as f64 * factor) as u64).clamp(count / 10 + 1, count.saturating_mul(1_000))
}

fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() % 2 {
        1 => figures.get(middle).copied(),
        _ => Some((figures.get(middle.checked_sub(1)?)? + figures.get(middle)?) / 2.0),
    }
}

/// The table, and below it what failed and why. The last column sets the second pairing against the first.
pub fn render(rows: &[Row], pairings: &[Pairing]) -> String {
    let mut table = Table::new();
    let mut header = vec!["scenario".to_owned(), "size".into()];
    header.extend(pairings.iter().map(|pairing| pairing.title.clone()));
    header.push("ratio".into());
    table
        .load_preset(presets::ASCII_MARKDOWN)
        .set_header(header);
    let mut notes: Vec<String> = Vec::new();
    for row in rows {
        let mut line = vec![row.scenario.to_string(), format!("{} B", row.scenario.size)];
        for (cell, pairing) in row.cells.iter().zip(pairings) {
            line.push(
                cell.as_ref()
                    .map_or("-".into(), |cell| describe(cell, row, pairing, &mut notes)),
            );
        }
        line.push(ratio(row).map_or("-".into(), |ratio| format!("{ratio:.2}x")));
        table.add_row(line);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = format!("{table}\n");
    for (number, note) in notes.iter().enumerate() {
        text.push_str(&format!("[{}] {note}\n", number + 1));
    }
    text
}

fn describe(cell: &Cell, row: &Row, pairing: &Pairing, notes: &mut Vec<String>) -> String {
    let mut text = match cell.median {
        Some(figure) if row.scenario.is_latency() => format!("{figure:.2} us"),
        Some(figure) => rate(figure),
        None => "failed".into(),
    };
    if let Some(first) = cell.failures.first() {
        let scenario = row.scenario;
        notes.push(format!(
            "{scenario}, {} B, {}: {} of {} runs failed: {first}",
            scenario.size,
            pairing.title,
            cell.failures.len(),
            cell.runs + 1,
        ));
        text.push_str(&format!(" [{}]", notes.len()));
    }
    text
}

/// How many times better the second pairing is than the first.
pub fn ratio(row: &Row) -> Option<f64> {
    let figure = |index: usize| row.cells.get(index)?.as_ref()?.median;
    let (first, second) = (figure(0)?, figure(1)?);
    Some(if row.scenario.is_latency() {
        first / second
    } else {
        second / first
    })
}

fn rate(figure: f64) -> String {
    match figure {
        f if f >= 1e6 => format!("{:.2} M/s", f / 1e6),
        f if f >= 1e3 => format!("{:.1} k/s", f / 1e3),
        f => format!("{f:.0} /s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(name: &str) -> Library {
        Library {
            name: name.into(),
            folder: name.into(),
        }
    }

    fn row(program: Program, first: Option<f64>, second: Option<f64>) -> Row {
        let cell = |median: Option<f64>| {
            let failures = if median.is_none() {
                vec!["lost".to_owned()]
            } else {
                Vec::new()
            };
            Some(Cell {
                median,
                failures,
                runs: 3,
            })
        };
        let scenario = Scenario {
            program,
            transport: Transport::Tcp,
            size: 10,
            count: 1,
        };
        Row {
            scenario,
            cells: vec![cell(first), cell(second)],
        }
    }

    #[test]
    fn medians() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
    }

    #[test]
    fn a_ratio_above_one_is_better_for_rates_and_for_latencies() {
        assert_eq!(
            ratio(&row(Program::Throughput, Some(2.0), Some(8.0))),
            Some(4.0)
        );
        assert_eq!(
            ratio(&row(Program::Latency, Some(8.0), Some(2.0))),
            Some(4.0)
        );
        assert_eq!(ratio(&row(Program::Throughput, None, Some(8.0))), None);
    }

    #[test]
    fn a_failure_is_shown_in_its_cell_and_explained() {
        let pairings = [Pairing::alone(&library("a")), Pairing::alone(&library("b"))];
        let text = render(&[row(Program::Throughput, None, Some(2e6))], &pairings);
        assert!(text.contains("failed [1]"));
        assert!(text.contains("2.00 M/s"));
        assert!(text.contains("[1] tcp throughput, 10 B, a: 1 of 4 runs failed: lost"));
    }

    #[test]
    fn counts_follow_the_slowest_but_leave_the_fastest_something_to_do() {
        let target = Duration::from_secs(1);
        assert_eq!(scale(1000, &[0.1], target), 10_000);
        assert_eq!(scale(1000, &[0.1, 0.05], target), 10_000);
        assert_eq!(scale(1000, &[0.1, 0.01], target), 20_000);
        assert_eq!(scale(1000, &[], target), 1000);
    }
}
