//! abidiff between Debian's `libzmq.so.5` and ours: a program linked against theirs finds every symbol in ours.
//!
//! Debian ships no debugging information with its library, so symbols are what can be compared; the types are held by the
//! stage `header` and by assertions of their layout in Rust and in C.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{Context, Tally};
use crate::dist::SHARED_FILE;
use crate::toolchain;

/// The package of Debian and its descendants.
const PACKAGE: &str = "libzmq5";
/// What abidiff's exit code is made of.
const FAULTS: [(i32, &str); 4] = [
    (1, "abidiff failed"),
    (2, "abidiff was called wrongly"),
    (4, "the interface changed"),
    (8, "the interface changed incompatibly"),
];

pub fn run(context: &Context) -> Result<Tally> {
    let ours = context.dist()?.join("lib").join(SHARED_FILE);
    let abidiff = toolchain::abidiff()?;
    let folder = context.workspace.target.join("abi");
    let package = toolchain::download(PACKAGE, &folder)?;
    let theirs = unpack(&package, &folder)?;
    let mut tally = Tally::default();
    let name = package.file_name().unwrap_or_default().to_string_lossy();
    // New symbols are welcome: Debian leaves the draft functions out.
    let (code, text) = compare(abidiff, &theirs, &ours)?;
    match verdict(code) {
        None => {
            println!("   {name}: no symbol is removed or changed; it has no types to compare");
            tally.pass();
        }
        Some(fault) => tally.fail(&name, &format!("{fault}\n{text}")),
    }
    // The other way round the draft functions are missing, which it must notice.
    let (code, text) = compare(abidiff, &ours, &theirs)?;
    match verdict(code) {
        Some(_) if text.contains("zmq_poller_new") => tally.pass(),
        _ => tally.fail(
            "abidiff",
            &format!("it does not see what {name} lacks\n{text}"),
        ),
    }
    Ok(tally)
}

/// abidiff's exit code and what it wrote, for two libraries of which the second is to have all that the first has.
fn compare(abidiff: &str, before: &Path, after: &Path) -> Result<(Option<i32>, String)> {
    let output = Command::new(abidiff)
        .args(["--no-added-syms", "--no-default-suppression"])
        .args([before, after])
        .output()
        .context("cannot run abidiff")?;
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    Ok((output.status.code(), text.into_owned()))
}

/// What is wrong, by abidiff's exit code.
fn verdict(code: Option<i32>) -> Option<String> {
    let Some(code) = code else {
        return Some("abidiff was killed".into());
    };
    let faults = FAULTS.iter().filter(|(bit, _)| code & bit != 0);
    let faults: Vec<&str> = faults.map(|(_, fault)| *fault).collect();
    (code != 0).then(|| format!("exit code {code}: {}", faults.join(", ")))
}

/// The library in a package, unpacked beside it.
fn unpack(package: &Path, folder: &Path) -> Result<PathBuf> {
    let root = folder.join("unpacked");
    let _ = fs::remove_dir_all(&root);
    let output = Command::new("dpkg-deb")
        .arg("-x")
        .arg(package)
        .arg(&root)
        .output()
        .context("cannot run dpkg-deb")?;
    ensure!(
        output.status.success(),
        "dpkg-deb: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let library = library_in(&root.join("usr/lib"))?;
    library.with_context(|| format!("{} holds no libzmq.so.5", package.display()))
}

/// It lies in a folder named after the machine.
fn library_in(folder: &Path) -> Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let library = entry?.path().join("libzmq.so.5");
        if library.exists() {
            return Ok(Some(library));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_a_fault() {
        assert_eq!(verdict(Some(0)), None);
        assert!(verdict(Some(12)).is_some_and(|text| text.contains("incompatibly")));
        for code in [1, 2, 4, 8] {
            assert!(verdict(Some(code)).is_some());
        }
        assert!(verdict(None).is_some());
    }
}
