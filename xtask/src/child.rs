//! A child process with a deadline: it ends, or it is ended, and only it.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use wait_timeout::ChildExt;

/// What to run, where, and with which additions to the environment.
#[derive(Clone, Default)]
pub struct Job {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    pub environment: Vec<(&'static str, OsString)>,
    pub folder: Option<PathBuf>,
    /// Its own process group, so that what it forks ends with it. An interrupt typed at the terminal then
    /// no longer reaches it: for programs that end by themselves only.
    pub group: bool,
}

/// How a child ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    Exit(i32),
    Signal(i32),
    /// It was killed at its deadline.
    Deadline(Duration),
}

impl fmt::Display for Ending {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(out, "exit code {code}"),
            Self::Signal(number) => write!(out, "signal {number}"),
            Self::Deadline(limit) => write!(out, "no end within {} s", limit.as_secs()),
        }
    }
}

/// A child that has ended, and all it wrote.
pub struct Finished {
    pub ending: Ending,
    pub output: String,
}

impl Finished {
    /// The last line that says something.
    pub fn last_line(&self) -> &str {
        let mut lines = self.output.lines().rev().map(str::trim);
        lines.find(|line| !line.is_empty()).unwrap_or_default()
    }
}

/// A child that runs; dropped, it is killed.
pub struct Running {
    child: Child,
    output: File,
    group: bool,
    ended: Option<ExitStatus>,
}

impl Job {
    pub fn start(&self) -> Result<Running> {
        let output = tempfile::tempfile()?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output.try_clone()?);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        if self.group {
            command.process_group(0);
        }
        let child = command
            .spawn()
            .with_context(|| format!("cannot run {}", self.program.display()))?;
        Ok(Running {
            child,
            output,
            group: self.group,
            ended: None,
        })
    }

    /// Starts it and waits for it, at most so long.
    pub fn run(&self, limit: Duration) -> Result<Finished> {
        self.start()?.finish(Instant::now() + limit, limit)
    }

    /// The same in an empty folder of its own, which goes with it, as does all that it forks.
    pub fn run_apart(mut self, limit: Duration) -> Result<Finished> {
        let folder = tempfile::tempdir()?;
        self.folder = Some(folder.path().to_owned());
        self.group = true;
        self.run(limit)
    }
}

impl Running {
    /// True once it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended.is_some()
    }

    /// True once it has ended by itself, and badly.
    pub fn has_failed(&mut self) -> bool {
        self.has_ended() && self.ended.is_some_and(|status| !status.success())
    }

    /// Waits until the deadline, then kills; `limit` is what the report calls the time it had.
    pub fn finish(mut self, deadline: Instant, limit: Duration) -> Result<Finished> {
        if self.ended.is_none() {
            let left = deadline.saturating_duration_since(Instant::now());
            self.ended = self.child.wait_timeout(left)?;
        }
        let ending = match self.ended {
            Some(status) => match (status.code(), status.signal()) {
                (Some(code), _) => Ending::Exit(code),
                (None, signal) => Ending::Signal(signal.unwrap_or_default()),
            },
            None => {
                self.kill();
                Ending::Deadline(limit)
            }
        };
        let mut bytes = Vec::new();
        self.output.rewind()?;
        self.output.read_to_end(&mut bytes)?;
        Ok(Finished {
            ending,
            output: String::from_utf8_lossy(&bytes).into_owned(),
        })
    }

    fn kill(&mut self) {
        // Not reaped yet, so its number cannot belong to anybody else.
        if self.group
            && let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
        {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let _ = self.child.kill();
        self.ended = self.child.wait().ok();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended() {
            self.kill();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Job {
        Job {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            ..Job::default()
        }
    }

    #[test]
    fn exit_codes_and_output_come_back() {
        let finished = shell("echo one; echo two >&2; exit 77")
            .run(Duration::from_secs(10))
            .unwrap();
        assert_eq!(finished.ending, Ending::Exit(77));
        assert_eq!(finished.last_line(), "two");
    }

    #[test]
    fn a_deadline_ends_a_child_and_what_it_started() {
        let limit = Duration::from_millis(200);
        let mut job = shell("sleep 60 & sleep 60");
        job.group = true;
        let begin = Instant::now();
        let finished = job.run(limit).unwrap();
        assert_eq!(finished.ending, Ending::Deadline(limit));
        assert!(begin.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_signal_is_not_an_exit_code() {
        let finished = shell("kill -ABRT $$").run(Duration::from_secs(10)).unwrap();
        assert_eq!(finished.ending, Ending::Signal(6));
    }
}
