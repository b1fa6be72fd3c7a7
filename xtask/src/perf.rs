//! Runs libzmq's seven benchmark programs on any pair of libraries and reads what they print.

use std::ffi::OsString;
use std::fmt;
use std::net::TcpListener;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::child::{Ending, Finished, Job, Running};

/// Which of the benchmark programs; the first two are pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Throughput,
    Latency,
    InprocThroughput,
    InprocLatency,
    ProxyThroughput,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Tcp,
    Ipc,
    Inproc,
}

/// One measurement: a program, where its messages travel, how large and how many they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scenario {
    pub program: Program,
    pub transport: Transport,
    pub size: usize,
    /// Messages, or round trips.
    pub count: u64,
}

impl Scenario {
    pub fn is_latency(&self) -> bool {
        matches!(self.program, Program::Latency | Program::InprocLatency)
    }

    /// True when two processes take part.
    pub fn is_pair(&self) -> bool {
        matches!(self.program, Program::Throughput | Program::Latency)
    }

    /// Roughly how long a run takes at this result.
    pub fn seconds(&self, sample: Sample) -> f64 {
        match self.is_latency() {
            true => sample.0 * 2.0 * self.count as f64 / 1e6,
            false => self.count as f64 / sample.0,
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.transport {
            Transport::Tcp => "tcp",
            Transport::Ipc => "ipc",
            Transport::Inproc => "inproc",
        };
        match self.program {
            Program::ProxyThroughput => write!(out, "proxy throughput"),
            _ if self.is_latency() => write!(out, "{transport} latency"),
            _ => write!(out, "{transport} throughput"),
        }
    }
}

/// Messages a second, or microseconds one way.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Sample(pub f64);

/// A library under measurement.
#[derive(Clone)]
pub struct Library {
    pub name: String,
    /// The folder that holds its `libzmq.so.5`.
    pub folder: PathBuf,
}

/// Runs the benchmark programs of one folder.
pub struct Bench {
    pub programs: PathBuf,
}

/// A listener needs this long before a peer finds it at the first attempt; later attempts would be measured.
const HEAD_START: Duration = Duration::from_millis(100);

impl Bench {
    /// Runs a scenario: the side that binds on one library, the side that connects on another.
    ///
    /// Programs of a single process run on `local`. The error is what the table says in place of a figure.
    pub fn run_pair(
        &self,
        scenario: &Scenario,
        local: &Library,
        remote: &Library,
        limit: Duration,
    ) -> Result<Sample, String> {
        let outcome = if scenario.is_pair() {
            self.run_two(scenario, local, remote, limit)
        } else {
            self.run_one(scenario, local, limit)
        };
        outcome.map_err(|error| format!("{error:#}"))?
    }

    fn run_one(
        &self,
        scenario: &Scenario,
        library: &Library,
        limit: Duration,
    ) -> Result<Result<Sample, String>> {
        let name = match scenario.program {
            Program::InprocLatency => "inproc_lat",
            Program::ProxyThroughput => "proxy_thr",
            _ => "inproc_thr",
        };
        let finished = self.job(name, None, scenario, library).run(limit)?;
        Ok(read(name, &finished))
    }

    fn run_two(
        &self,
        scenario: &Scenario,
        local: &Library,
        remote: &Library,
        limit: Duration,
    ) -> Result<Result<Sample, String>> {
        let folder = tempfile::tempdir()?;
        let endpoint = match scenario.transport {
            Transport::Ipc => format!("ipc://{}", folder.path().join("bench").display()),
            _ => format!("tcp://127.0.0.1:{}", free_port()?),
        };
        let (near, far) = match scenario.program {
            Program::Latency => ("local_lat", "remote_lat"),
            _ => ("local_thr", "remote_thr"),
        };
        let deadline = Instant::now() + limit;
        let mut binding = self.job(near, Some(&endpoint), scenario, local).start()?;
        thread::sleep(HEAD_START);
        let mut connecting = self.job(far, Some(&endpoint), scenario, remote).start()?;
        wait_for_both(&mut binding, &mut connecting, deadline);
        // Whoever still runs is out of time, or waits for a peer that is gone.
        let grace = Instant::now() + Duration::from_millis(200);
        let connecting = connecting.finish(grace, limit)?;
        let binding = binding.finish(grace, limit)?;
        let (name, measuring, peer_name, peer) = match scenario.program {
            Program::Latency => (far, connecting, near, binding),
            _ => (near, binding, far, connecting),
        };
        // The peer's failure explains more than the wait that follows from it.
        if !matches!(peer.ending, Ending::Exit(0) | Ending::Deadline(_)) {
            return Ok(Err(failure(peer_name, &peer)));
        }
        Ok(read(name, &measuring).and_then(|sample| match peer.ending {
            Ending::Exit(0) => Ok(sample),
            _ => Err(failure(peer_name, &peer)),
        }))
    }

    fn job(
        &self,
        name: &str,
        endpoint: Option<&str>,
        scenario: &Scenario,
        library: &Library,
    ) -> Job {
        let mut arguments: Vec<OsString> = endpoint.map(OsString::from).into_iter().collect();
        arguments.push(scenario.size.to_string().into());
        arguments.push(scenario.count.to_string().into());
        Job {
            program: self.programs.join(name),
            arguments,
            environment: vec![("LD_LIBRARY_PATH", library.folder.clone().into_os_string())],
            ..Job::default()
        }
    }
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
        thread::sleep(Duration::from_millis(10));
    }
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

/// The figure that a program printed.
fn read(name: &str, finished: &Finished) -> Result<Sample, String> {
    if finished.ending != Ending::Exit(0) {
        return Err(failure(name, finished));
    }
    parse(&finished.output).ok_or_else(|| format!("{name} printed no figure"))
}

fn parse(output: &str) -> Option<Sample> {
    output.lines().find_map(|line| {
        let (title, rest) = line.split_once(": ")?;
        let (value, unit) = rest.split_once(' ')?;
        let wanted = matches!(
            (title, unit),
            ("mean throughput", "[msg/s]") | ("average latency", "[us]")
        );
        let value: f64 = value.parse().ok()?;
        (wanted && value > 0.0).then_some(Sample(value))
    })
}

fn failure(name: &str, finished: &Finished) -> String {
    match (&finished.ending, finished.last_line()) {
        (Ending::Deadline(_), _) => format!("{name}: never ended (messages lost or stuck)"),
        (ending, "") => format!("{name}: {ending}"),
        (ending, line) => format!("{name}: {ending}, {line}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_the_programs_own_lines() {
        let text = "message size: 10 [B]\nmean throughput: 2505725 [msg/s]\nmean throughput: 2004.580 [Mb/s]\n";
        assert_eq!(parse(text), Some(Sample(2_505_725.0)));
        assert_eq!(
            parse("average latency: 26.435 [us]\n"),
            Some(Sample(26.435))
        );
        assert_eq!(parse("mean throughput: 2004.580 [Mb/s]\n"), None);
        assert_eq!(parse("usage: local_thr <bind-to>\n"), None);
    }

    #[test]
    fn run_time_follows_from_rate_or_round_trip() {
        let mut scenario = Scenario {
            program: Program::Throughput,
            transport: Transport::Tcp,
            size: 10,
            count: 500,
        };
        assert_eq!(scenario.seconds(Sample(1000.0)), 0.5);
        scenario.program = Program::Latency;
        assert_eq!(scenario.seconds(Sample(1000.0)), 1.0);
    }
}
