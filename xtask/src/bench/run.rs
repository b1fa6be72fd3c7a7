//! Runs one scenario once: its program or programs on the libraries of one contender, within a deadline.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use tempfile::TempDir;

use super::perf::{Perf, Sample, wait_for_listener};
use super::scenario::{Contender, Own, Scenario, Work};
use crate::child::{Ending, Finished, Job, Running};

/// Where libraries and programs are.
pub struct Bench {
    /// The folder that holds libzmq's `libzmq.so.5`.
    pub libzmq: PathBuf,
    /// The folder that holds ours.
    pub ozmq: PathBuf,
    /// libzmq's own programs.
    pub perf: PathBuf,
    /// The programs of `bench/`, and what is preloaded into every program.
    pub own: PathBuf,
}

impl Bench {
    /// The error is what the table says in place of a figure.
    pub fn run(
        &self,
        scenario: &Scenario,
        contender: Contender,
        count: u64,
        limit: Duration,
    ) -> Result<Sample, String> {
        let (near, far) = match contender {
            Contender::Libzmq | Contender::Limit => (&self.libzmq, &self.libzmq),
            Contender::Ozmq => (&self.ozmq, &self.ozmq),
            Contender::OzmqToLibzmq => (&self.libzmq, &self.ozmq),
            Contender::LibzmqToOzmq => (&self.ozmq, &self.libzmq),
        };
        let run = || -> Result<Result<Sample, String>> {
            let folder = tempfile::tempdir()?;
            let usage = tempfile::tempdir()?;
            let run = Run {
                bench: self,
                folder,
                usage,
                count,
                limit,
                counts_allocations: scenario.counts_allocations,
            };
            let own = match contender {
                Contender::Limit => scenario.limit.as_ref(),
                _ => None,
            };
            let sample = match (own, &scenario.work) {
                (Some(own), _) | (None, Work::Own(own)) => run.own(own, near)?,
                (None, Work::Perf(perf)) if perf.is_pair() => run.pair(perf, near, far)?,
                (None, Work::Perf(perf)) => run.single(perf, near)?,
            };
            Ok(sample.map(|sample| run.add_usage(sample)))
        };
        run().map_err(|error| format!("{error:#}"))?
    }
}

struct Run<'a> {
    bench: &'a Bench,
    /// Where the programs may leave files, for instance sockets.
    folder: TempDir,
    usage: TempDir,
    count: u64,
    limit: Duration,
    counts_allocations: bool,
}

impl Run<'_> {
    /// Our programs start their other side themselves.
    fn own(&self, own: &Own, library: &Path) -> Result<Result<Sample, String>> {
        let mut job = self.job(self.bench.own.join(own.program), library);
        job.arguments = own.arguments.split_whitespace().map(Into::into).collect();
        job.arguments.push(format!("count={}", self.count).into());
        job.group = true;
        let finished = job.run(self.limit)?;
        Ok(self.read(own.program, &finished, numbers))
    }

    fn single(&self, perf: &Perf, library: &Path) -> Result<Result<Sample, String>> {
        let (name, _) = perf.names();
        let finished = self.perf_job(perf, name, None, library).run(self.limit)?;
        Ok(self.read(name, &finished, |text| perf.parse(text, self.count)))
    }

    fn pair(&self, perf: &Perf, near: &Path, far: &Path) -> Result<Result<Sample, String>> {
        let (near_name, far_name) = perf.names();
        let far_name = far_name.unwrap_or(near_name);
        let endpoint = perf.endpoint(self.folder.path())?;
        let mut near_job = self.perf_job(perf, near_name, Some(&endpoint), near);
        if self.counts_allocations {
            near_job
                .environment
                .retain(|(name, _)| *name != "LD_PRELOAD");
            near_job
                .environment
                .push(("LD_PRELOAD", self.preload(&["usage.so", "allocations.so"])));
            near_job
                .environment
                .push(("BENCH_COPY", perf.size.to_string().into()));
        }
        let deadline = Instant::now() + self.limit;
        let mut binding = near_job.start()?;
        if let Err(error) = wait_for_listener(&endpoint, || binding.has_ended()) {
            let binding = binding.finish(Instant::now(), self.limit)?;
            return Ok(Err(match binding.ending {
                Ending::Deadline(_) => error.to_string(),
                _ => failure(near_name, &binding),
            }));
        }
        let mut connecting = self
            .perf_job(perf, far_name, Some(&endpoint), far)
            .start()?;
        wait_for_both(&mut binding, &mut connecting, deadline);
        // Whoever still runs is out of time, or waits for a peer that is gone.
        let grace = Instant::now() + Duration::from_millis(200);
        let connecting = connecting.finish(grace, self.limit)?;
        let binding = binding.finish(grace, self.limit)?;
        let (name, measuring, peer_name, peer) = match perf.is_latency() {
            true => (far_name, connecting, near_name, binding),
            false => (near_name, binding, far_name, connecting),
        };
        // The peer's failure explains more than the wait that follows from it.
        if !matches!(peer.ending, Ending::Exit(0) | Ending::Deadline(_)) {
            return Ok(Err(failure(peer_name, &peer)));
        }
        let sample = self.read(name, &measuring, |text| perf.parse(text, self.count));
        Ok(sample.and_then(|sample| match peer.ending {
            Ending::Exit(0) => Ok(sample),
            _ => Err(failure(peer_name, &peer)),
        }))
    }

    fn perf_job(&self, perf: &Perf, name: &str, endpoint: Option<&str>, library: &Path) -> Job {
        let arguments = perf.arguments(endpoint, self.count);
        Job {
            arguments: arguments.into_iter().map(OsString::from).collect(),
            ..self.job(self.bench.perf.join(name), library)
        }
    }

    fn job(&self, program: PathBuf, library: &Path) -> Job {
        Job {
            program,
            environment: vec![
                ("LD_LIBRARY_PATH", library.as_os_str().to_owned()),
                ("LD_PRELOAD", self.preload(&["usage.so"])),
                ("BENCH_USAGE", self.usage.path().as_os_str().to_owned()),
                ("TMPDIR", self.folder.path().as_os_str().to_owned()),
            ],
            ..Job::default()
        }
    }

    fn preload(&self, names: &[&str]) -> OsString {
        let paths = names.iter().map(|name| self.bench.own.join(name));
        let paths: Vec<OsString> = paths.map(PathBuf::into_os_string).collect();
        paths.join(":".as_ref())
    }

    fn read(
        &self,
        name: &str,
        finished: &Finished,
        parse: impl Fn(&str) -> Option<Sample>,
    ) -> Result<Sample, String> {
        if finished.ending != Ending::Exit(0) {
            return Err(failure(name, finished));
        }
        parse(&finished.output).ok_or_else(|| format!("{name} printed no figure"))
    }

    /// What the preloaded parts of all processes left: CPU seconds for a million messages, MiB of the larger process.
    fn add_usage(&self, mut sample: Sample) -> Sample {
        let (mut cpu, mut peak) = (0.0, 0.0_f64);
        let files = fs::read_dir(self.usage.path()).into_iter().flatten();
        for file in files.flatten() {
            let text = fs::read_to_string(file.path()).unwrap_or_default();
            for (name, value) in numbers_in(&text) {
                match name {
                    "cpu" => cpu += value,
                    "peak" => peak = peak.max(value),
                    _ => {
                        sample.insert(name.to_owned(), value);
                    }
                }
            }
        }
        sample.insert("cpu".to_owned(), cpu / self.count as f64 * 1e6);
        sample.insert("peak".to_owned(), peak / 1024.0);
        sample
    }
}

fn numbers_in(text: &str) -> impl Iterator<Item = (&str, f64)> {
    text.lines().filter_map(|line| {
        let (name, value) = line.split_once(' ')?;
        Some((name, value.parse().ok()?))
    })
}

fn numbers(text: &str) -> Option<Sample> {
    let owned = numbers_in(text).map(|(name, value)| (name.to_owned(), value));
    let sample: Sample = owned.collect();
    sample.contains_key("value").then_some(sample)
}

/// Returns when both have ended, when one of them has failed, or at the deadline.
fn wait_for_both(one: &mut Running, other: &mut Running, deadline: Instant) {
    let mut first_end = None;
    while Instant::now() < deadline && !one.has_failed() && !other.has_failed() {
        match (one.has_ended(), other.has_ended()) {
            (true, true) => return,
            (false, false) => {}
            _ => {
                // A receiver that lost messages waits for ever; what is under way arrives in no time.
                let since: Instant = *first_end.get_or_insert_with(Instant::now);
                if since.elapsed() > Duration::from_millis(1_500) {
                    return;
                }
            }
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn failure(name: &str, finished: &Finished) -> String {
    match (&finished.ending, finished.last_line()) {
        (Ending::Deadline(_), _) => format!("{NEVER_ENDS}: {name} lost messages or is stuck"),
        (ending, "") => format!("{name}: {ending}"),
        (ending, line) => format!("{name}: {ending}, {line}"),
    }
}

/// How the failure of a run that had to be ended begins.
pub const NEVER_ENDS: &str = "never ends";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_programs_print_names_and_numbers() {
        let sample = numbers("value 2.5\nseconds 1\nwarning: none\n").unwrap();
        assert_eq!(sample["value"], 2.5);
        assert_eq!(sample.len(), 2);
        assert_eq!(numbers("seconds 1\n"), None);
    }
}
