//! The page `docs/conformance.md`: `cargo xtask reference` writes it, `cargo xtask test` holds the library to it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::Verdict;

/// Below the repository's root.
pub const PAGE: &str = "docs/conformance.md";

/// What a program that does not pass on ours waits for.
const SUBJECTS: &[(&str, &str)] = &[
    ("test_address_tipc", "tipc"),
    ("test_capabilities", "CURVE, tipc"),
    ("test_channel", "draft socket types"),
    ("test_client_server", "draft socket types"),
    ("test_connect_delay_tipc", "tipc"),
    ("test_ctx_destroy", "draft socket types"),
    ("test_dgram", "udp"),
    ("test_disconnect_msg", "draft socket types"),
    ("test_heartbeats", "draft socket types"),
    ("test_hello_msg", "draft socket types"),
    ("test_hiccup_msg", "draft socket types"),
    ("test_pair_tipc", "tipc"),
    ("test_peer", "draft socket types"),
    ("test_poller", "draft socket types"),
    ("test_radio_dish", "udp, draft socket types"),
    ("test_reqrep_device_tipc", "tipc"),
    ("test_reqrep_tipc", "tipc"),
    ("test_scatter_gather", "draft socket types"),
    ("test_security_curve", "CURVE"),
    ("test_security_gssapi", "GSSAPI"),
    ("test_shutdown_stress_tipc", "tipc"),
    ("test_socks", "SOCKS"),
    ("test_sub_forward_tipc", "tipc"),
    ("test_thread_safe", "draft socket types"),
    ("test_use_fd", "draft socket types"),
    ("test_ws_transport", "ws"),
    ("test_wss_transport", "wss"),
];

/// What a row says of one library.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Pass,
    Skip,
    Fail,
    /// The library had no part in it: the program needs something that was not there to compile it.
    NotRun,
}

impl Outcome {
    const WORDS: [(Self, &str); 4] = [
        (Self::Pass, "pass"),
        (Self::Skip, "skip"),
        (Self::Fail, "fail"),
        (Self::NotRun, "-"),
    ];

    fn word(self) -> &'static str {
        let found = Self::WORDS.iter().find(|(outcome, _)| *outcome == self);
        found.map_or("-", |(_, word)| word)
    }

    fn read(word: &str) -> Result<Self> {
        let found = Self::WORDS.iter().find(|(_, known)| *known == word);
        found
            .map(|(outcome, _)| *outcome)
            .with_context(|| format!("{PAGE} says {word:?}"))
    }
}

impl From<&Verdict> for Outcome {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Pass | Verdict::PassAlone => Self::Pass,
            Verdict::Skip => Self::Skip,
            Verdict::Fail(_) => Self::Fail,
        }
    }
}

/// What became of one program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    pub reference: Outcome,
    pub ours: Outcome,
}

/// All programs, by name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Table(pub BTreeMap<String, Row>);

impl Table {
    /// What just ran.
    pub fn of(names: &[String], reference: &[Verdict], ours: &[Verdict]) -> Self {
        let verdicts = reference.iter().zip(ours);
        let rows = names.iter().zip(verdicts).map(|(name, (theirs, ours))| {
            let row = Row {
                reference: theirs.into(),
                ours: ours.into(),
            };
            (name.clone(), row)
        });
        Self(rows.collect())
    }

    /// What the page says.
    pub fn read(root: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(root.join(PAGE)).with_context(|| format!("cannot read {PAGE}"))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        let mut table = Self::default();
        for line in text.lines().filter(|line| line.starts_with("| test_")) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [name, reference, ours, _] = cells[..] else {
                bail!("{PAGE} has a row of another form: {line}");
            };
            let row = Row {
                reference: Outcome::read(reference)?,
                ours: Outcome::read(ours)?,
            };
            table.0.insert(name.to_owned(), row);
        }
        ensure!(!table.0.is_empty(), "{PAGE} has no rows");
        Ok(table)
    }

    /// Replaces the page. A program that passes on the reference and not on ours must wait for something that is known.
    pub fn write(&self, root: &Path) -> Result<()> {
        for (name, row) in &self.0 {
            ensure!(
                row.ours != Outcome::Fail || subject(name).is_some(),
                "{name} fails on ours, and nobody said what it waits for: {PAGE} stays as it is"
            );
        }
        fs::write(root.join(PAGE), self.render()).with_context(|| format!("cannot write {PAGE}"))
    }

    fn render(&self) -> String {
        let count = |which: fn(&Row) -> Outcome, outcome: Outcome| {
            self.0.values().filter(|row| which(row) == outcome).count()
        };
        let line = |title: &str, which: fn(&Row) -> Outcome| {
            format!(
                "| {title} | {} | {} | {} |\n",
                count(which, Outcome::Pass),
                count(which, Outcome::Skip),
                count(which, Outcome::Fail)
            )
        };
        let mut text = String::from(
            "# Conformance\n\n\
             Generated by `cargo xtask reference`, which compiles the test programs of libzmq 4.3.5, unchanged, and runs each\n\
             on libzmq and on this library; `cargo xtask test` fails where this library does otherwise. Left out are the\n\
             fuzzers, the programs for vmci, and one that needs special rights. A program skips itself where the machine or\n\
             the library lacks what it is about.\n\n\
             | Library | pass | skip | fail |\n|---|---|---|---|\n",
        );
        text += &line("libzmq 4.3.5", |row| row.reference);
        text += &line("this one", |row| row.ours);
        text += "\n| Program | libzmq | this one | waits for |\n|---|---|---|---|\n";
        for (name, row) in &self.0 {
            let waits = match (row.reference, row.ours) {
                (_, Outcome::Fail) | (Outcome::Pass, Outcome::Skip) => {
                    subject(name).unwrap_or_default()
                }
                _ => "",
            };
            text += &format!(
                "| {name} | {} | {} | {waits} |\n",
                row.reference.word(),
                row.ours.word()
            );
        }
        text
    }
}

fn subject(name: &str) -> Option<&'static str> {
    let found = SUBJECTS.iter().find(|(program, _)| *program == name);
    found.map(|(_, subject)| *subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(&str, Outcome, Outcome)]) -> Table {
        let rows = rows.iter().map(|&(name, reference, ours)| {
            let row = Row { reference, ours };
            (name.to_owned(), row)
        });
        Table(rows.collect())
    }

    #[test]
    fn the_page_reads_as_it_was_written() {
        let table = table(&[
            ("test_a", Outcome::Pass, Outcome::Pass),
            ("test_b", Outcome::Skip, Outcome::Skip),
            ("test_socks", Outcome::Pass, Outcome::Fail),
            ("test_z", Outcome::Fail, Outcome::NotRun),
        ]);
        let text = table.render();
        assert!(text.contains("| test_socks | pass | fail | SOCKS |\n"));
        assert!(text.contains("| libzmq 4.3.5 | 2 | 1 | 1 |\n| this one | 1 | 1 | 1 |\n"));
        assert_eq!(Table::parse(&text).unwrap(), table);
    }

    #[test]
    fn other_pages_are_refused() {
        assert!(Table::parse("").is_err());
        assert!(Table::parse("| test_a | pass | maybe | |").is_err());
        assert!(Table::parse("| test_a | pass |").is_err());
    }

    #[test]
    fn a_failure_without_a_subject_is_not_written_down() {
        let folder = tempfile::tempdir().unwrap();
        let bad = table(&[("test_a", Outcome::Pass, Outcome::Fail)]);
        assert!(bad.write(folder.path()).is_err());
    }

    #[test]
    fn subjects_are_sorted() {
        assert!(SUBJECTS.is_sorted_by(|left, right| left.0 < right.0));
    }
}
