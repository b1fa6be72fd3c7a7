//! Runs compiler commands in parallel, skipping what is up to date.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::parallel;

/// One command that makes one file out of others.
pub struct Step {
    pub output: PathBuf,
    pub inputs: Vec<PathBuf>,
    pub program: String,
    pub arguments: Vec<OsString>,
    /// Whatever else decides the result: compiler and source versions.
    pub version: String,
}

impl Step {
    /// The stamp beside the output holds this text; another text means another output.
    fn stamp(&self) -> String {
        let mut text = format!("{}\n{}\n", self.version, self.program);
        for argument in &self.arguments {
            text.push_str(&argument.to_string_lossy());
            text.push('\n');
        }
        text
    }

    fn stamp_path(&self) -> PathBuf {
        let mut name = self.output.as_os_str().to_owned();
        name.push(".stamp");
        PathBuf::from(name)
    }

    fn is_current(&self) -> bool {
        let Some(made) = modified(&self.output) else {
            return false;
        };
        fs::read_to_string(self.stamp_path()).is_ok_and(|stamp| stamp == self.stamp())
            && self
                .inputs
                .iter()
                .all(|input| modified(input).is_some_and(|changed| changed <= made))
    }

    /// Makes the output unless it is up to date.
    pub fn ensure(&self) -> Result<()> {
        if self.is_current() {
            Ok(())
        } else {
            self.run()
        }
    }

    fn run(&self) -> Result<()> {
        if let Some(folder) = self.output.parent() {
            fs::create_dir_all(folder)?;
        }
        // A stale stamp must not survive a build that fails half way.
        let _ = fs::remove_file(self.stamp_path());
        let output = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot run {}", self.program))?;
        if !output.status.success() {
            bail!(
                "{} failed to make {}:\n{}",
                self.program,
                self.output.display(),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        fs::write(self.stamp_path(), self.stamp())?;
        Ok(())
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

/// Runs every step that is out of date, `jobs` at a time; steps of one call do not depend on each other.
pub fn run(title: &str, steps: &[Step], jobs: usize) -> Result<()> {
    let due: Vec<&Step> = steps.iter().filter(|step| !step.is_current()).collect();
    if due.is_empty() {
        return Ok(());
    }
    parallel::each(title, &due, jobs, |step| step.run())?;
    eprintln!("{title}: {} of {} built", due.len(), steps.len());
    Ok(())
}
