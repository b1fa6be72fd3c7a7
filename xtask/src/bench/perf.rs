//! libzmq's seven benchmark programs, unchanged: how they are called and what they print.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// What one run yields: names and figures.
pub type Sample = BTreeMap<String, f64>;

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

impl Transport {
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Ipc => "ipc",
            Self::Inproc => "inproc",
        }
    }
}

/// A program, where its messages travel and how large they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Perf {
    pub program: Program,
    pub transport: Transport,
    pub size: usize,
    pub curve: bool,
}

impl Perf {
    pub fn is_latency(&self) -> bool {
        matches!(self.program, Program::Latency | Program::InprocLatency)
    }

    /// True when two processes take part.
    pub fn is_pair(&self) -> bool {
        matches!(self.program, Program::Throughput | Program::Latency)
    }

    /// The file names: the side that binds, or the only one, and the side that connects.
    pub fn names(&self) -> (&'static str, Option<&'static str>) {
        match self.program {
            Program::Throughput => ("local_thr", Some("remote_thr")),
            Program::Latency => ("local_lat", Some("remote_lat")),
            Program::InprocThroughput => ("inproc_thr", None),
            Program::InprocLatency => ("inproc_lat", None),
            Program::ProxyThroughput => ("proxy_thr", None),
        }
    }

    pub fn arguments(&self, endpoint: Option<&str>, count: u64) -> Vec<String> {
        let mut arguments: Vec<String> = endpoint.map(str::to_owned).into_iter().collect();
        arguments.extend([self.size.to_string(), count.to_string()]);
        if self.curve {
            arguments.push("1".to_owned());
        }
        arguments
    }

    /// The figure among what a program printed, and how long the measured part took.
    pub fn parse(&self, output: &str, count: u64) -> Option<Sample> {
        let value = output.lines().find_map(|line| {
            let (title, rest) = line.split_once(": ")?;
            let (value, unit) = rest.split_once(' ')?;
            let wanted = matches!(
                (title, unit),
                ("mean throughput", "[msg/s]") | ("average latency", "[us]")
            );
            let value: f64 = value.parse().ok()?;
            (wanted && value > 0.0).then_some(value)
        })?;
        let seconds = match self.is_latency() {
            true => value * 2.0 * count as f64 / 1e6,
            false => count as f64 / value,
        };
        Some(Sample::from([
            ("value".to_owned(), value),
            ("seconds".to_owned(), seconds),
        ]))
    }

    /// These programs do not say where they are bound, so it is chosen for them.
    pub fn endpoint(&self, folder: &Path) -> Result<String> {
        Ok(match self.transport {
            Transport::Ipc => format!("ipc://{}", folder.join("bench").display()),
            _ => format!("tcp://127.0.0.1:{}", free_port()?),
        })
    }
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

/// Waits until somebody listens there: a peer that came earlier would have its second attempt measured.
pub fn wait_for_listener(endpoint: &str, mut gone: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !is_listening(endpoint) {
        if gone() || Instant::now() > deadline {
            bail!("nobody listens at {endpoint}");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn is_listening(endpoint: &str) -> bool {
    if let Some(path) = endpoint.strip_prefix("ipc://") {
        let table = fs::read_to_string("/proc/net/unix").unwrap_or_default();
        return table.lines().any(|line| line.ends_with(path));
    }
    let port: Option<u16> = endpoint
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok());
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    port.is_some_and(|port| {
        let address = format!(":{port:04X}");
        table.lines().any(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let local = fields.next().unwrap_or_default();
            // 0A is the state LISTEN.
            local.ends_with(&address) && fields.nth(1) == Some("0A")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn perf(program: Program) -> Perf {
        Perf {
            program,
            transport: Transport::Tcp,
            size: 10,
            curve: false,
        }
    }

    #[test]
    fn figures_are_read_from_the_programs_own_lines() {
        let text = "message size: 10 [B]\nmean throughput: 2505725 [msg/s]\nmean throughput: 2004.580 [Mb/s]\n";
        let sample = perf(Program::Throughput).parse(text, 2_505_725).unwrap();
        assert_eq!(sample["value"], 2_505_725.0);
        assert_eq!(sample["seconds"], 1.0);
        let sample = perf(Program::Latency)
            .parse("average latency: 26.500 [us]\n", 1_000)
            .unwrap();
        assert_eq!(sample["value"], 26.5);
        assert!((sample["seconds"] - 0.053).abs() < 1e-9);
        let throughput = perf(Program::Throughput);
        assert_eq!(
            throughput.parse("mean throughput: 2004.580 [Mb/s]\n", 1),
            None
        );
        assert_eq!(throughput.parse("usage: local_thr <bind-to>\n", 1), None);
    }

    #[test]
    fn listeners_are_seen() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
        assert!(is_listening(&endpoint));
        drop(listener);
        assert!(!is_listening(&endpoint));
        assert!(wait_for_listener(&endpoint, || true).is_err());
    }
}
