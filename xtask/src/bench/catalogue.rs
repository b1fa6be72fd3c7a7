//! Every scenario there is, with what it has to reach.

use super::perf::{Perf, Program, Transport};
use super::scenario::{Budget, Count, Scenario, Unit, Work};

/// Message sizes of the throughput tables.
const SIZES: [usize; 8] = [1, 10, 100, 1_000, 4_096, 10_000, 65_536, 1_000_000];

/// All of them, families together.
pub fn all() -> Vec<Scenario> {
    let mut list = Vec::new();
    for transport in [Transport::Tcp, Transport::Ipc] {
        list.extend(SIZES.map(|size| throughput(transport, size)));
    }
    list.extend([1, 10, 100, 1_000].map(counted));
    for transport in [Transport::Tcp, Transport::Ipc] {
        for one_cpu in [false, true] {
            for gap in [0, 100, 10_000] {
                let sizes = [10, 1_000, 100_000];
                list.extend(sizes.map(|size| latency(transport, size, gap, one_cpu)));
            }
        }
        list.extend([10, 1_000].map(|size| mean_latency(transport, size)));
    }
    list.extend([1, 100, 10_000].map(inproc_throughput));
    list.extend([false, true].map(inproc_latency));
    list.push(inproc_mean_latency());
    list.extend([100, 1_000].map(proxy));
    for size in [64, 1_024] {
        list.extend([1, 10, 32, 100].map(|peers| fan_out(peers, size)));
    }
    list.extend([64, 1_024].map(fan_in));
    list.push(router());
    list.extend([1, 100, 1_000].map(poll));
    list.extend([1, 100, 1_000].map(sparse_poll));
    list.extend(habits());
    list.extend([100, 65_536].map(curve));
    list.push(allocations());
    list.extend(resources());
    list
}

/// What `cargo xtask demo` shows: libzmq's own programs only.
pub fn demo() -> Vec<Scenario> {
    let mut list = Vec::new();
    for transport in [Transport::Tcp, Transport::Ipc] {
        list.extend([10, 100, 1_000, 10_000, 100_000].map(|size| throughput(transport, size)));
    }
    for transport in [Transport::Tcp, Transport::Ipc] {
        list.extend([10, 1_000].map(|size| mean_latency(transport, size)));
    }
    list.extend([1, 100, 10_000].map(inproc_throughput));
    list.push(inproc_mean_latency());
    list.extend([100, 1_000].map(proxy));
    list
}

fn perf(family: &str, program: Program, transport: Transport, size: usize) -> Scenario {
    let work = Work::Perf(Perf {
        program,
        transport,
        size,
        curve: false,
    });
    Scenario::new(family, format!("{size} B"), work).at(size as f64)
}

/// About a tenth of a second on a slow machine.
fn first_count(size: usize) -> Count {
    Count::First(match size {
        0..=255 => 200_000,
        256..=4_095 => 50_000,
        4_096..=32_767 => 10_000,
        32_768..=262_143 => 2_000,
        _ => 200,
    })
}

fn throughput_budget(transport: Transport, size: usize) -> Budget {
    match (size, transport) {
        (0..=32, _) => Budget::ratio(8.0),
        (33..=500, _) => Budget::ratio(4.0),
        (501..=2_000, _) => Budget::ratio(4.0).of_limit(0.6),
        (2_001..=32_767, _) => Budget::ratio(2.5).of_limit(0.8),
        (_, Transport::Ipc) => Budget::ratio(1.5).of_limit(0.85),
        _ => Budget::ratio(1.3).of_limit(0.85),
    }
}

fn throughput(transport: Transport, size: usize) -> Scenario {
    let name = transport.name();
    perf(
        &format!("{name} throughput"),
        Program::Throughput,
        transport,
        size,
    )
    .limit("limit", format!("work=stream transport={name} size={size}"))
    .count(first_count(size))
    .budget(throughput_budget(transport, size))
    .quick([10, 1_000, 65_536].contains(&size))
}

/// libzmq loses the end of an ipc stream when its sender leaves; here the sender waits until all are counted.
fn counted(size: usize) -> Scenario {
    Scenario::own(
        "ipc throughput, sender waits",
        format!("{size} B"),
        "stream",
        format!("transport=ipc size={size}"),
    )
    .at(size as f64)
    .limit("limit", format!("work=stream transport=ipc size={size}"))
    .count(first_count(size))
    .budget(throughput_budget(Transport::Ipc, size))
    .quick(size == 10)
}

fn mean_latency(transport: Transport, size: usize) -> Scenario {
    let family = format!("{} latency, mean", transport.name());
    perf(&family, Program::Latency, transport, size)
        .unit(Unit::Latency)
        .budget(Budget::ratio(10.0))
}

fn inproc_throughput(size: usize) -> Scenario {
    perf(
        "inproc throughput",
        Program::InprocThroughput,
        Transport::Inproc,
        size,
    )
    .limit("ring", format!("work=stream size={size}"))
    .count(first_count(size))
    .budget(Budget::ratio(if size < 1_000 { 6.0 } else { 3.0 }))
    .quick(size == 100)
}

fn inproc_mean_latency() -> Scenario {
    perf(
        "inproc latency, mean",
        Program::InprocLatency,
        Transport::Inproc,
        10,
    )
    .unit(Unit::Latency)
    .budget(Budget::ratio(10.0))
}

fn proxy(size: usize) -> Scenario {
    perf(
        "proxy throughput",
        Program::ProxyThroughput,
        Transport::Inproc,
        size,
    )
    .count(first_count(size))
    .budget(Budget::ratio(3.0))
    .quick(size == 100)
}

const UNPINNED: &str = "any CPU";
const ONE_CPU: &str = "one CPU";

fn placement(one_cpu: bool) -> &'static str {
    if one_cpu { ONE_CPU } else { UNPINNED }
}

/// `gap` is how many microseconds pass between a reply and the next request.
fn latency(transport: Transport, size: usize, gap: u64, one_cpu: bool) -> Scenario {
    let name = transport.name();
    let between = match gap {
        0 => "no gap".to_owned(),
        1..=999 => format!("gap {gap} us"),
        _ => format!("gap {} ms", gap / 1_000),
    };
    let arguments = format!(
        "transport={name} size={size} gap={gap} one-cpu={}",
        u8::from(one_cpu)
    );
    // What sleeps between requests is set against a loop that sleeps in its read, what does not against one that spins.
    let (wait, budget) = match (gap, size) {
        (0, 0..=9_999) => (
            "spin",
            Budget::ratio(if one_cpu { 4.0 } else { 10.0 }).of_limit(1.0 / 1.25),
        ),
        (0, _) => ("spin", Budget::default()),
        _ => ("block", Budget::default().of_limit(1.0 / 1.1)),
    };
    Scenario::own(
        format!("{name} latency, {between}, {}", placement(one_cpu)),
        format!("{size} B"),
        "latency",
        &arguments,
    )
    .at(size as f64)
    .limit("limit", format!("work=latency wait={wait} {arguments}"))
    .unit(Unit::Latency)
    .count(Count::First(match gap {
        0 => 2_000,
        1..=999 => 500,
        _ => 20,
    }))
    .budget(budget)
    .quick(size == 10 && (transport == Transport::Tcp || gap == 0))
}

fn inproc_latency(one_cpu: bool) -> Scenario {
    let arguments = format!("transport=inproc size=10 one-cpu={}", u8::from(one_cpu));
    Scenario::own("inproc latency", placement(one_cpu), "latency", &arguments)
        .limit("ring", format!("work=latency {arguments}"))
        .unit(Unit::Latency)
        .count(Count::First(5_000))
        .budget(Budget::ratio(if one_cpu { 1.7 } else { 10.0 }))
        .quick(!one_cpu)
}

/// Counted in deliveries; nothing may be dropped.
fn fan_out(peers: u64, size: usize) -> Scenario {
    let arguments = format!("peers={peers} size={size}");
    let first = if size < 1_000 { 100_000 } else { 30_000 };
    Scenario::own(
        format!("PUB fan-out, {size} B"),
        format!("{peers} subscribers"),
        "fan",
        format!("pattern=pub {arguments}"),
    )
    .at(peers as f64)
    .limit("limit", format!("work=fan-out {arguments}"))
    .count(Count::First(first / peers))
    .budget(if peers >= 32 {
        Budget::ratio(3.0)
    } else {
        Budget::default()
    })
    .quick(peers == 32 && size == 64)
}

fn fan_in(size: usize) -> Scenario {
    let arguments = format!("peers=100 size={size}");
    Scenario::own(
        "fan-in from 100 PUSH",
        format!("{size} B"),
        "fan",
        format!("pattern=push {arguments}"),
    )
    .limit("limit", format!("work=fan-in {arguments}"))
    .count(Count::First(50_000))
    .quick(size == 64)
}

fn router() -> Scenario {
    Scenario::own(
        "ROUTER and DEALERs, requests",
        "1000 connections",
        "fan",
        "pattern=router peers=1000 size=16",
    )
    .count(Count::First(10_000))
}

fn poll(sockets: u64) -> Scenario {
    Scenario::own(
        "zmq_poll, all busy",
        format!("{sockets} sockets"),
        "fan",
        format!("pattern=poll peers={sockets} size=16"),
    )
    .at(sockets as f64)
    .count(Count::First(20_000))
    .quick(sockets == 100)
}

fn sparse_poll(sockets: u64) -> Scenario {
    Scenario::own(
        "zmq_poll, one message at a time",
        format!("{sockets} sockets"),
        "fan",
        format!("pattern=poll sparse=1 peers={sockets} size=16"),
    )
    .at(sockets as f64)
    .unit(Unit::Latency)
    .count(Count::First(500))
}

/// How applications use sockets, other than by waiting in the library.
fn habits() -> Vec<Scenario> {
    let habit = |variant: &str, arguments: &str, first: u64| {
        Scenario::own("habits, throughput", variant, "stream", arguments).count(Count::First(first))
    };
    let timed = |variant: &str, arguments: &str| {
        Scenario::own("habits, latency", variant, "latency", arguments)
            .unit(Unit::Latency)
            .count(Count::First(2_000))
    };
    vec![
        habit("ZMQ_FD in epoll, 100 B", "wait=epoll size=100", 50_000).quick(true),
        habit("never waiting, 100 B", "wait=spin size=100", 50_000).quick(true),
        habit("receiver works 10 us, 100 B", "busy=10 size=100", 10_000)
            .limit("limit", "work=stream transport=tcp busy=10 size=100")
            .quick(true),
        habit("high water mark 1, 10 B", "hwm=1 size=10", 5_000).quick(true),
        habit(
            "tcp within one process, 100 B",
            "processes=1 size=100",
            100_000,
        )
        .quick(true),
        timed("ZMQ_FD in epoll, 10 B", "wait=epoll size=10"),
        timed("tcp within one process, 10 B", "processes=1 size=10"),
    ]
}

fn curve(size: usize) -> Scenario {
    let work = Work::Perf(Perf {
        program: Program::Throughput,
        transport: Transport::Tcp,
        size,
        curve: true,
    });
    Scenario::new("CURVE throughput", format!("{size} B"), work)
        .count(first_count(size))
        .budget(Budget::ratio(2.0))
}

/// Of the receiving process, from its start to its end.
fn allocations() -> Scenario {
    perf(
        "receiving 100,000 messages",
        Program::Throughput,
        Transport::Tcp,
        100,
    )
    .unit(Unit::Amount("allocations"))
    .count(Count::Fixed(100_000))
    .counting_allocations()
    .budget(Budget::at_most(100.0))
    .quick(true)
}

fn resources() -> Vec<Scenario> {
    let subscriptions = |variant: &str, report: &str| {
        let arguments = format!("measure=subscriptions hwm=0 report={report}");
        Scenario::own("1,000,000 subscriptions", variant, "resources", arguments)
            .count(Count::Fixed(1_000_000))
    };
    let idle = |variant: &str, arguments: &str, unit: &'static str, most: f64| {
        Scenario::own("idle", variant, "resources", arguments)
            .unit(Unit::Amount(unit))
            .count(Count::Fixed(1))
            .budget(Budget::at_most(most))
    };
    let bytes = |scenario: Scenario| {
        scenario
            .unit(Unit::Amount("B each"))
            .budget(Budget::at_most(100.0))
    };
    vec![
        subscriptions("matching, messages", "matching").budget(Budget::ratio(4.0)),
        subscriptions("absorbing", "absorbing").budget(Budget::ratio(2.0)),
        bytes(subscriptions("memory, publisher", "publisher")),
        bytes(subscriptions("memory, subscriber", "subscriber")),
        idle(
            "memory of a connection, bound side",
            "measure=connections peers=1000",
            "KiB",
            4.0,
        )
        .quick(true),
        idle(
            "CPU of a connected pair in a second",
            "measure=idle",
            "ms",
            1.0,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_families_stand_together() {
        let list = all();
        let names: HashSet<String> = list.iter().map(Scenario::name).collect();
        assert_eq!(names.len(), list.len());
        let mut families: Vec<&str> = list.iter().map(|one| one.family.as_str()).collect();
        families.dedup();
        let different: HashSet<&str> = families.iter().copied().collect();
        assert_eq!(different.len(), families.len());
    }

    #[test]
    fn the_quick_list_is_short() {
        let quick = all().into_iter().filter(|one| one.quick).count();
        assert!((10..=40).contains(&quick), "{quick}");
    }

    #[test]
    fn budgets_follow_transport_and_size() {
        let budget = |transport, size| throughput(transport, size).budget;
        assert_eq!(budget(Transport::Tcp, 10), Budget::ratio(8.0));
        assert_eq!(budget(Transport::Ipc, 65_536).ratio, Some(1.5));
        assert_eq!(budget(Transport::Tcp, 1_000_000).of_limit, Some(0.85));
    }
}
