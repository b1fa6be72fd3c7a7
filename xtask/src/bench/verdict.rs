//! Whether a row reaches what it has to reach.

use super::measure::Row;
use super::scenario::{Contender, Unit};

/// One condition and whether it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    pub condition: String,
    pub met: bool,
}

/// A figure that is larger than the reference's by less than this is not called worse: clocks have a resolution.
const RESOLUTION: f64 = 0.01;

/// Every condition that can be judged; without a figure of ours there is one that failed.
pub fn checks(row: &Row) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut check = |condition: String, met: bool| checks.push(Check { condition, met });
    let Some(ours) = row.median(Contender::Ozmq) else {
        check("works".to_owned(), false);
        return checks;
    };
    let budget = row.scenario.budget;
    // An amount that is nearly nothing on both sides has no ratio worth a word: what it may be is said outright.
    let least = match row.scenario.unit {
        Unit::Amount(_) => budget.ratio,
        _ => Some(budget.ratio.unwrap_or(1.0)),
    };
    if let (Some(least), Some(ratio)) = (least, row.ratio(Contender::Libzmq)) {
        check(format!("{least}x"), ratio.median >= least);
    }
    if let (Some(share), Some(ratio)) = (budget.of_limit, row.ratio(Contender::Limit)) {
        let condition = format!("{:.0} % of the limit", share * 100.0);
        check(condition, ratio.median >= share);
    }
    if let Some(most) = budget.at_most {
        check(format!("at most {most}"), ours <= most);
    }
    let not_worse = |figure: &str| {
        let ours = row.figure(Contender::Ozmq, figure)?;
        let theirs = row.figure(Contender::Libzmq, figure)?;
        Some(ours <= theirs * (1.0 + RESOLUTION))
    };
    if row.scenario.unit == Unit::Rate
        && let Some(met) = not_worse("cpu")
    {
        check("CPU".to_owned(), met);
    }
    if let Some(met) = not_worse("p99") {
        check("p99".to_owned(), met);
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::super::measure::samples::{cell, failed, row};
    use super::super::scenario::Budget;
    use super::*;

    fn missed(row: &Row) -> Vec<String> {
        let failed = checks(row).into_iter().filter(|check| !check.met);
        failed.map(|check| check.condition).collect()
    }

    #[test]
    fn a_budget_is_a_ratio_a_share_and_guard_rails() {
        let libzmq = cell(&[("value", 1e6), ("cpu", 1.0)]);
        let ozmq = cell(&[("value", 2e6), ("cpu", 2.0)]);
        let mut row = row(Unit::Rate, libzmq, ozmq);
        assert_eq!(missed(&row), ["CPU"]);
        row.scenario.budget = Budget::ratio(4.0).of_limit(0.6);
        row.cells.insert(Contender::Limit, cell(&[("value", 4e6)]));
        assert_eq!(missed(&row), ["4x", "60 % of the limit", "CPU"]);
    }

    #[test]
    fn latency_is_judged_by_its_tail_too() {
        let libzmq = cell(&[("value", 50.0), ("p99", 90.0), ("cpu", 1.0)]);
        let ozmq = cell(&[("value", 5.0), ("p99", 91.0), ("cpu", 2.0)]);
        assert_eq!(missed(&row(Unit::Latency, libzmq, ozmq)), ["p99"]);
    }

    #[test]
    fn a_reference_that_never_ends_leaves_nothing_to_compare() {
        let ozmq = cell(&[("value", 5.0), ("cpu", 1.0)]);
        assert!(missed(&row(Unit::Rate, failed(), ozmq)).is_empty());
        assert_eq!(missed(&row(Unit::Rate, failed(), failed())), ["works"]);
    }
}
