//! Runs every contender of a scenario in turn, several rounds, and keeps all figures.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::ProgressBar;

use super::perf::Sample;
use super::run::Bench;
use super::scenario::{Contender, Count, Scenario, Unit};

/// How much effort a measurement may take.
#[derive(Clone, Copy)]
pub struct Effort {
    pub rounds: usize,
    /// How long a run should take.
    pub target: Duration,
    /// When a run is given up.
    pub limit: Duration,
}

/// When a run is given up whose length does not follow from the time it should take.
const FIXED_LIMIT: Duration = Duration::from_secs(90);

/// All runs of one contender.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// One for each round; `None` where it failed.
    pub samples: Vec<Option<Sample>>,
    pub failures: Vec<String>,
    pub runs: usize,
}

impl Cell {
    /// The median of a figure over all rounds that yielded it.
    pub fn median(&self, figure: &str) -> Option<f64> {
        let samples = self.samples.iter().flatten();
        median(
            samples
                .filter_map(|sample| sample.get(figure).copied())
                .collect(),
        )
    }
}

/// A scenario and what each contender made of it.
pub struct Row {
    pub scenario: Scenario,
    pub cells: BTreeMap<Contender, Cell>,
}

/// How many times better ours is: of the medians, and the extremes of single rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Row {
    pub fn median(&self, contender: Contender) -> Option<f64> {
        self.figure(contender, self.scenario.figure())
    }

    pub fn figure(&self, contender: Contender, figure: &str) -> Option<f64> {
        self.cells.get(&contender)?.median(figure)
    }

    /// Ours against another contender; above 1 ours is better.
    pub fn ratio(&self, other: Contender) -> Option<Ratio> {
        let better = |ours: f64, theirs: f64| match self.scenario.unit {
            Unit::Rate => ours / theirs,
            // Of nothing at all there is no ratio.
            _ if ours == theirs => 1.0,
            _ => theirs / ours,
        };
        let median = better(self.median(Contender::Ozmq)?, self.median(other)?);
        let (ours, theirs) = (self.cells.get(&Contender::Ozmq)?, self.cells.get(&other)?);
        let (mut least, mut most) = (median, median);
        for (ours, theirs) in ours.samples.iter().zip(&theirs.samples) {
            let figure =
                |sample: &Option<Sample>| sample.as_ref()?.get(self.scenario.figure()).copied();
            if let (Some(ours), Some(theirs)) = (figure(ours), figure(theirs)) {
                let ratio = better(ours, theirs);
                least = least.min(ratio);
                most = most.max(ratio);
            }
        }
        Some(Ratio {
            median,
            least,
            most,
        })
    }
}

/// Chooses the counts by a short run of each, then alternates: A, B, C, A, B, C.
pub fn measure(
    bench: &Bench,
    scenario: &Scenario,
    contenders: &[Contender],
    effort: Effort,
    bar: &ProgressBar,
) -> Row {
    let mut cells = BTreeMap::new();
    let mut counts = BTreeMap::new();
    let contenders: Vec<Contender> = contenders
        .iter()
        .copied()
        .filter(|contender| scenario.applies_to(*contender))
        .collect();
    let run = |contender: Contender, count: u64| {
        bar.set_message(format!("{}: {}", scenario.name(), contender.title()));
        let limit = match scenario.count {
            Count::First(_) => effort.limit,
            Count::Fixed(_) => effort.limit.max(FIXED_LIMIT),
        };
        bench.run(scenario, contender, count, limit)
    };
    for &contender in &contenders {
        let mut cell = Cell::default();
        let count = match scenario.count {
            Count::Fixed(count) => count,
            Count::First(first) => {
                let pilot = |count| run(contender, count);
                find_count(first, effort.target, &mut cell, pilot)
            }
        };
        cells.insert(contender, cell);
        counts.insert(contender, count);
    }
    for _ in 0..effort.rounds {
        for &contender in &contenders {
            let Some(cell) = cells.get_mut(&contender) else {
                continue;
            };
            // What failed three times and never worked would only cost its deadline again.
            if cell.failures.len() >= 3 && cell.samples.iter().all(Option::is_none) {
                continue;
            }
            cell.runs += 1;
            let outcome = run(contender, counts.get(&contender).copied().unwrap_or(1));
            cell.samples.push(match outcome {
                Ok(sample) => Some(sample),
                Err(failure) => {
                    cell.failures.push(failure);
                    None
                }
            });
        }
    }
    Row {
        scenario: scenario.clone(),
        cells,
    }
}

/// Short runs until one is long enough to tell how many messages fill the time that a run should take.
fn find_count(
    first: u64,
    target: Duration,
    cell: &mut Cell,
    pilot: impl Fn(u64) -> Result<Sample, String>,
) -> u64 {
    let target = target.as_secs_f64();
    let mut count = first;
    for _ in 0..PILOTS {
        cell.runs += 1;
        let seconds = match pilot(count) {
            Ok(sample) => sample.get("seconds").copied().unwrap_or(target),
            Err(failure) => {
                cell.failures.push(failure);
                return count;
            }
        };
        let factor = (target / seconds.max(1e-9)).clamp(0.1, STEP);
        // libzmq's programs count in 32 bits.
        count = ((count as f64 * factor) as u64).clamp(1, 1_000_000_000);
        if factor < STEP {
            break;
        }
    }
    count
}

/// So many short runs at most, each at most so many times longer than the one before.
const PILOTS: usize = 3;
const STEP: f64 = 20.0;

fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() % 2 {
        1 => figures.get(middle).copied(),
        _ => Some((figures.get(middle.checked_sub(1)?)? + figures.get(middle)?) / 2.0),
    }
}

/// Rows for the tests of what is made of them.
#[cfg(test)]
pub mod samples {
    use super::*;

    pub fn cell(figures: &[(&str, f64)]) -> Cell {
        let sample = figures
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value));
        Cell {
            samples: vec![Some(sample.collect())],
            failures: Vec::new(),
            runs: 1,
        }
    }

    pub fn failed() -> Cell {
        Cell {
            samples: vec![None],
            failures: vec!["never ends: lost".to_owned()],
            runs: 1,
        }
    }

    pub fn row(unit: Unit, libzmq: Cell, ozmq: Cell) -> Row {
        Row {
            scenario: Scenario::own("tcp throughput", "10 B", "stream", "size=10").unit(unit),
            cells: BTreeMap::from([(Contender::Libzmq, libzmq), (Contender::Ozmq, ozmq)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{cell, failed, row};
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
    }

    #[test]
    fn a_ratio_above_one_is_better_for_rates_and_for_latencies() {
        let ratio = |unit, libzmq, ozmq| {
            let row = row(unit, cell(&[("value", libzmq)]), cell(&[("value", ozmq)]));
            row.ratio(Contender::Libzmq).map(|ratio| ratio.median)
        };
        assert_eq!(ratio(Unit::Rate, 2.0, 8.0), Some(4.0));
        assert_eq!(ratio(Unit::Latency, 8.0, 2.0), Some(4.0));
        assert_eq!(ratio(Unit::Amount("allocations"), 0.0, 0.0), Some(1.0));
        let lost = row(Unit::Rate, failed(), cell(&[("value", 1.0)]));
        assert_eq!(lost.ratio(Contender::Libzmq), None);
    }

    #[test]
    fn the_spread_is_that_of_single_rounds() {
        let mut row = row(Unit::Rate, cell(&[("value", 1.0)]), cell(&[("value", 2.0)]));
        for (contender, value) in [(Contender::Libzmq, 2.0), (Contender::Ozmq, 2.0)] {
            let sample = Sample::from([("value".to_owned(), value)]);
            row.cells
                .get_mut(&contender)
                .unwrap()
                .samples
                .push(Some(sample));
        }
        let ratio = row.ratio(Contender::Libzmq).unwrap();
        assert_eq!((ratio.least, ratio.most), (1.0, 2.0));
        assert!((ratio.median - 2.0 / 1.5).abs() < 1e-9);
    }

    #[test]
    fn counts_follow_the_short_runs() {
        let count = |rate: f64| {
            let mut cell = Cell::default();
            let pilot = |count: u64| {
                let seconds = count as f64 / rate;
                Ok(Sample::from([("seconds".to_owned(), seconds)]))
            };
            let count = find_count(1_000, Duration::from_secs(1), &mut cell, pilot);
            (count, cell.runs)
        };
        assert_eq!(count(10_000.0), (10_000, 1));
        assert_eq!(count(50.0), (100, 1));
        assert_eq!(count(100_000.0), (100_000, 2));
        assert_eq!(count(1e12), (8_000_000, 3));
        let mut cell = Cell::default();
        let lost = |_| Err("never ends".to_owned());
        assert_eq!(find_count(7, Duration::from_secs(1), &mut cell, lost), 7);
        assert_eq!(cell.failures.len(), 1);
    }
}
