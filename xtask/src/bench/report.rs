//! The table on the terminal and the page `docs/performance.md`.

use std::fs;

use comfy_table::{CellAlignment, Table, presets};

use super::measure::{Cell, Effort, Row};
use super::plot::Plot;
use super::run::NEVER_ENDS;
use super::scenario::{Contender, Scenario, Unit};
use super::verdict::checks;

/// One table for each family, in the order of the rows; what failed and why; its plot where there is one.
pub fn tables(rows: &[Row], plots: &[Plot]) -> String {
    let mut text = String::new();
    let mut rest = rows;
    while let Some(first) = rest.first() {
        let family = &first.scenario.family;
        let length = rest
            .iter()
            .take_while(|row| row.scenario.family == *family)
            .count();
        let (these, others) = rest.split_at(length);
        text.push_str(&format!("## {family}\n\n{}\n", family_table(these)));
        for plot in plots.iter().filter(|plot| plot.family == *family) {
            text.push_str(&format!("![{family}](performance/{})\n\n", plot.file));
        }
        rest = others;
    }
    text
}

fn family_table(rows: &[Row]) -> String {
    let shown = |contender: &Contender| rows.iter().any(|row| row.cells.contains_key(contender));
    let contenders: Vec<Contender> = [
        Contender::Libzmq,
        Contender::Ozmq,
        Contender::Limit,
        Contender::OzmqToLibzmq,
        Contender::LibzmqToOzmq,
    ]
    .into_iter()
    .filter(shown)
    .collect();
    let has = |figure: &str| {
        let ours = rows
            .iter()
            .filter_map(|row| row.cells.get(&Contender::Ozmq));
        ours.flat_map(|cell| cell.samples.iter().flatten())
            .any(|sample| sample.contains_key(figure))
    };
    // Beside the compared figure: those that the programs or the preloaded parts add.
    let amounts = rows
        .iter()
        .all(|row| matches!(row.scenario.unit, Unit::Amount(_)));
    let extras: Vec<&Extra> = EXTRAS
        .iter()
        .filter(|extra| has(extra.figure) && !(amounts && extra.figure == "cpu"))
        .collect();

    let mut header = vec![String::new()];
    header.extend(contenders.iter().map(|one| one.title().to_owned()));
    header.push("ratio (rounds)".to_owned());
    if contenders.contains(&Contender::Limit) {
        header.push("of the limit".to_owned());
    }
    header.extend(extras.iter().map(|extra| extra.title.to_owned()));
    header.push("budget".to_owned());
    let mut table = Table::new();
    table
        .load_preset(presets::ASCII_MARKDOWN)
        .set_header(header);
    let mut notes = Vec::new();
    for row in rows {
        let mut line = vec![row.scenario.variant.clone()];
        for contender in &contenders {
            line.push(match row.cells.get(contender) {
                Some(cell) => describe(cell, &row.scenario, *contender, &mut notes),
                None => "-".to_owned(),
            });
        }
        line.push(match row.ratio(Contender::Libzmq) {
            Some(ratio) => format!(
                "{:.2}x ({:.2} to {:.2})",
                ratio.median, ratio.least, ratio.most
            ),
            None => "-".to_owned(),
        });
        if contenders.contains(&Contender::Limit) {
            let ratio = row.ratio(Contender::Limit);
            line.push(ratio.map_or("-".into(), |ratio| percent(ratio.median)));
        }
        for extra in &extras {
            let figure = |contender| match row.figure(contender, extra.figure) {
                Some(value) => short(value),
                None => "-".to_owned(),
            };
            line.push(format!(
                "{} / {}",
                figure(Contender::Libzmq),
                figure(Contender::Ozmq)
            ));
        }
        line.push(verdict(row));
        table.add_row(line);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = format!("{table}\n");
    for note in notes {
        text.push_str(&format!("\n* {note}"));
    }
    if text.ends_with('\n') {
        text
    } else {
        text + "\n"
    }
}

struct Extra {
    figure: &'static str,
    title: &'static str,
}

/// Of each: libzmq's, then ours.
const EXTRAS: [Extra; 7] = [
    Extra {
        figure: "p99",
        title: "p99, us",
    },
    Extra {
        figure: "p99.9",
        title: "p99.9, us",
    },
    Extra {
        figure: "maps",
        title: "mmap calls",
    },
    Extra {
        figure: "bytes",
        title: "bytes allocated",
    },
    Extra {
        figure: "copies",
        title: "copies of a payload",
    },
    Extra {
        figure: "cpu",
        title: "CPU s per million",
    },
    Extra {
        figure: "peak",
        title: "peak MiB",
    },
];

fn verdict(row: &Row) -> String {
    let (met, missed): (Vec<_>, Vec<_>) = checks(row).into_iter().partition(|check| check.met);
    let list = |checks: Vec<super::verdict::Check>| {
        let conditions: Vec<String> = checks.into_iter().map(|check| check.condition).collect();
        conditions.join(", ")
    };
    match (met.is_empty(), missed.is_empty()) {
        (true, true) => "-".to_owned(),
        (false, true) => format!("met: {}", list(met)),
        (true, false) => format!("MISSED: {}", list(missed)),
        (false, false) => format!("MISSED: {}; met: {}", list(missed), list(met)),
    }
}

fn describe(
    cell: &Cell,
    scenario: &Scenario,
    contender: Contender,
    notes: &mut Vec<String>,
) -> String {
    let text = match cell.median(scenario.figure()) {
        Some(value) => with_unit(value, scenario.unit),
        None if cell.failures.iter().all(|why| why.starts_with(NEVER_ENDS)) => NEVER_ENDS.into(),
        None => "failed".to_owned(),
    };
    if let Some(first) = cell.failures.first() {
        notes.push(format!(
            "{}, {}: {} of {} runs failed: {first}",
            scenario.name(),
            contender.title(),
            cell.failures.len(),
            cell.runs,
        ));
    }
    text
}

pub fn with_unit(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Latency => format!("{value:.2} us"),
        Unit::Amount(name) => format!("{} {name}", short(value)),
        Unit::Rate => match value {
            rate if rate >= 1e6 => format!("{:.2} M/s", rate / 1e6),
            rate if rate >= 1e3 => format!("{:.1} k/s", rate / 1e3),
            rate => format!("{rate:.0} /s"),
        },
    }
}

/// Three digits that count, and no more than a whole number.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn percent(share: f64) -> String {
    match share * 100.0 {
        percent if percent < 10.0 => format!("{percent:.1} %"),
        percent => format!("{percent:.0} %"),
    }
}

/// What was missed, one line each.
pub fn missed(rows: &[Row]) -> Vec<String> {
    let mut lines = Vec::new();
    for row in rows {
        for check in checks(row).into_iter().filter(|check| !check.met) {
            lines.push(format!("{}: {}", row.scenario.name(), check.condition));
        }
    }
    lines
}

/// The page, with its plots by file name.
pub fn page(rows: &[Row], effort: Effort, plots: &[Plot]) -> String {
    let missed = missed(rows);
    let mut text = format!(
        "# Performance\n\n\
         Written by `cargo xtask bench`: libzmq 4.3.5 (Release, from the crate `zeromq-src`), this library as it ships, and,\n\
         as the limit, bare C programs without any library (framing in the caller's thread, no high water mark). libzmq's own\n\
         benchmark programs, unchanged, and the C programs in `bench/` for what those leave out. {rounds} round(s) of {seconds} s each,\n\
         alternating; medians. The ratio says how many times better this library is, in parentheses the least and the most of\n\
         single rounds. Figures of two are libzmq's / this library's. Latency is one way: half a round trip. CPU is that of both\n\
         sides, in seconds for a million messages or round trips; memory is the peak of the larger process. Machine: {machine}.\n\n\
         A budget names what has to be reached: so many times libzmq, so much of the limit, CPU and p99 not above libzmq's.\n\
         {count} of {all} conditions are missed.\n\n",
        rounds = effort.rounds,
        seconds = effort.target.as_secs_f64(),
        machine = machine(),
        count = missed.len(),
        all = rows.iter().map(|row| checks(row).len()).sum::<usize>(),
    );
    text.push_str(tables(rows, plots).trim_end());
    text.push('\n');
    text
}

/// Processor, how many, kernel.
fn machine() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mut models = processors
        .lines()
        .filter_map(|line| line.strip_prefix("model name"))
        .map(|rest| rest.trim_start_matches([' ', '\t', ':']));
    let model = models.next().unwrap_or("unknown processor").to_owned();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{count} CPUs, {model}, Linux {}", kernel.trim())
}

#[cfg(test)]
mod tests {
    use super::super::measure::samples::{cell, failed, row};
    use super::*;

    #[test]
    fn a_failure_is_shown_in_its_cell_and_explained() {
        let row = row(Unit::Rate, failed(), cell(&[("value", 2e6)]));
        let text = tables(&[row], &[]);
        assert!(text.contains("## tcp throughput"));
        assert!(text.contains("never ends"));
        assert!(text.contains("2.00 M/s"));
        assert!(
            text.contains("* tcp throughput, 10 B, libzmq: 1 of 1 runs failed: never ends: lost")
        );
    }

    #[test]
    fn what_is_missed_is_listed() {
        let slow = row(Unit::Rate, cell(&[("value", 2e6)]), cell(&[("value", 1e6)]));
        assert_eq!(missed(&[slow]), ["tcp throughput, 10 B: 1x"]);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(short(0.0), "0");
        assert_eq!(short(1234.5), "1234");
        assert_eq!(short(12.34), "12.3");
        assert_eq!(short(1.239), "1.24");
    }
}
