//! What passed, what failed and what was left out.

use anyhow::Result;

use crate::parallel::{self, default_jobs};

/// What a stage counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

impl Tally {
    pub fn pass(&mut self) {
        self.passed += 1;
    }

    /// Counts a failure and says what failed and why.
    pub fn fail(&mut self, what: &str, why: &str) {
        self.failed += 1;
        println!("FAILED {what}: {}", why.trim_end());
    }

    /// Counts what could not run and says why.
    pub fn skip(&mut self, what: &str, why: &str) {
        self.skipped += 1;
        println!("skipped {what}: {why}");
    }

    /// Counts what came of something that ran.
    pub fn count(&mut self, what: &str, outcome: Result<Ran>) {
        match outcome {
            Ok(Ran::Passed(notes)) => {
                self.pass();
                for note in notes {
                    println!("   {what}: {note}");
                }
            }
            Ok(Ran::LeftOut(why)) => self.skip(what, &why),
            Err(error) => self.fail(what, &format!("{error:#}")),
        }
    }

    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// A stage that ran nothing proves nothing.
    pub fn settle(mut self, stage: &str) -> Self {
        if self.passed + self.failed == 0 {
            self.fail(stage, "this stage ran nothing");
        }
        self
    }

    pub fn line(&self) -> String {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        match skipped {
            0 => format!("{passed} passed, {failed} failed"),
            _ => format!("{passed} passed, {failed} failed, {skipped} skipped"),
        }
    }
}

/// What came of something that did not fail.
pub enum Ran {
    /// It passed; what there is to say besides.
    Passed(Vec<String>),
    /// It could not run, and why.
    LeftOut(String),
}

/// Runs every item beside the others, and counts what came of each under its name.
pub fn count_each<T: Sync>(
    title: &str,
    items: &[T],
    name: impl Fn(&T) -> String,
    run: impl Fn(&T) -> Result<Ran> + Sync,
) -> Result<Tally> {
    let mut tally = Tally::default();
    let outcomes = parallel::each(title, items, default_jobs(), |item| Ok(run(item)))?;
    for (item, outcome) in items.iter().zip(outcomes) {
        tally.count(&name(item), outcome);
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn a_stage_that_ran_nothing_fails() {
        assert_eq!(Tally::default().settle("x").failed, 1);
        assert_eq!(
            Tally {
                skipped: 3,
                ..Tally::default()
            }
            .settle("x")
            .failed,
            1
        );
        assert_eq!(
            Tally {
                passed: 1,
                ..Tally::default()
            }
            .settle("x")
            .failed,
            0
        );
    }

    #[test]
    fn the_last_line_has_one_form() {
        let mut tally = Tally {
            passed: 12,
            ..Tally::default()
        };
        assert_eq!(tally.line(), "12 passed, 0 failed");
        tally.skip("x", "no compiler");
        assert_eq!(tally.line(), "12 passed, 0 failed, 1 skipped");
    }

    #[test]
    fn every_item_is_counted_once() {
        let tally = count_each("x", &[0, 1, 2, 3, 4], i32::to_string, |item| match item {
            0 | 3 => Ok(Ran::Passed(Vec::new())),
            1 => Ok(Ran::LeftOut("no compiler".into())),
            _ => bail!("wrong"),
        });
        assert_eq!(tally.unwrap().line(), "2 passed, 2 failed, 1 skipped");
    }
}
