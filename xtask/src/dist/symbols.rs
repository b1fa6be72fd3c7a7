//! What a library exports, against the list of what it must export.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// The exported names, one a line, sorted; below the repository's root.
const LIST: &str = "src/ffi/symbols.txt";

/// The names that the library must export.
pub fn expected(root: &Path) -> Result<BTreeSet<String>> {
    let text =
        fs::read_to_string(root.join(LIST)).with_context(|| format!("cannot read {LIST}"))?;
    let names: Vec<&str> = text.lines().collect();
    ensure!(names.is_sorted(), "{LIST} is not sorted");
    let set: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
    ensure!(set.len() == names.len(), "{LIST} names a function twice");
    Ok(set)
}

/// The names that a shared library exports.
pub fn exported(library: &Path) -> Result<BTreeSet<String>> {
    names(&["-D", "--defined-only"], library)
}

/// The global names that an archive or object defines.
pub fn global(archive: &Path) -> Result<BTreeSet<String>> {
    names(&["-g", "--defined-only"], archive)
}

/// The DT_SONAME entry.
pub fn soname(library: &Path) -> Result<String> {
    let text = output(Command::new("readelf").arg("-dW").arg(library))?;
    text.lines()
        .find(|line| line.contains("(SONAME)"))
        .and_then(|line| line.split_once('[')?.1.split_once(']'))
        .map(|(name, _)| name.to_owned())
        .with_context(|| format!("{} has no SONAME", library.display()))
}

/// How two sets of names differ.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    pub missing: Vec<String>,
    pub extra: Vec<String>,
}

impl Difference {
    pub fn between(expected: &BTreeSet<String>, found: &BTreeSet<String>) -> Self {
        Self {
            missing: expected.difference(found).cloned().collect(),
            extra: found.difference(expected).cloned().collect(),
        }
    }

    /// Fails, naming both lists; missing names may be forgiven, extra ones never.
    pub fn check(&self, file: &str, allow_missing: bool) -> Result<()> {
        if !self.missing.is_empty() && allow_missing {
            eprintln!(
                "note: {file} lacks {} names: {}",
                self.missing.len(),
                self.missing.join(" ")
            );
        }
        if self.extra.is_empty() && (self.missing.is_empty() || allow_missing) {
            return Ok(());
        }
        bail!(
            "{file} does not define what it should\n  missing ({}): {}\n  extra ({}): {}",
            self.missing.len(),
            self.missing.join(" "),
            self.extra.len(),
            self.extra.join(" ")
        )
    }
}

fn names(arguments: &[&str], file: &Path) -> Result<BTreeSet<String>> {
    Ok(parse(&output(
        Command::new("nm").args(arguments).arg(file),
    )?))
}

/// Lines of `nm` are "address type name"; a name may carry a version after an at sign.
fn parse(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (_, _, name) = (words.next()?, words.next()?, words.next()?);
            Some(name.to_owned())
        })
        .collect()
}

/// Runs a command and returns what it printed.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?} failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn nm_lines_are_understood() {
        let text = "libzmq.o:\n0000000000001000 T zmq_bind\n0000000000001010 T zmq_close@@V1\n";
        assert_eq!(parse(text), set(&["zmq_bind", "zmq_close@@V1"]));
    }

    #[test]
    fn a_missing_name_can_be_forgiven_and_an_extra_one_not() {
        let wanted = set(&["a", "b"]);
        assert!(
            Difference::between(&wanted, &wanted)
                .check("x", false)
                .is_ok()
        );
        let less = Difference::between(&wanted, &set(&["a"]));
        assert!(less.check("x", false).is_err());
        assert!(less.check("x", true).is_ok());
        let more = Difference::between(&wanted, &set(&["a", "b", "c"]));
        assert_eq!(more.extra, ["c"]);
        assert!(more.check("x", true).is_err());
    }
}
