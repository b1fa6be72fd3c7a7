//! A lane between two threads' hands: `cargo bench --bench queue`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use zmq::msg::Msg;
use zmq::queue::{LaneRx, LaneTx, lane};

/// What a link queues before it encodes, and less than the first large ring holds.
const BATCH: u64 = 120;

fn fill(tx: &mut LaneTx<Msg>, each: bool) {
    for _ in 0..BATCH {
        tx.push(black_box(Msg::inline(b"0123456789")), true);
        if each {
            let _ = tx.publish();
        }
    }
    let _ = tx.publish();
}

fn pop(rx: &mut LaneRx<Msg>) {
    while let Some(msg) = rx.pop() {
        black_box(&msg);
        let _ = rx.took_message();
    }
}

fn take_while(rx: &mut LaneRx<Msg>) {
    rx.take_while(|msg| {
        black_box(&*msg);
        true
    });
    let _ = rx.took_messages(BATCH);
}

fn benches(c: &mut Criterion) {
    zmq::sys::membarrier::register();
    let mut group = c.benchmark_group("lane");
    group.throughput(Throughput::Elements(BATCH));
    for (name, each, drain) in [
        ("push-publish-each/pop", true, pop as fn(&mut LaneRx<Msg>)),
        ("push-publish-once/pop", false, pop),
        ("push-publish-each/take-while", true, take_while),
    ] {
        for hwm in [0, 1000] {
            let (mut tx, mut rx) = lane::<Msg>(hwm);
            group.bench_function(format!("{name}/hwm-{hwm}"), |bencher| {
                bencher.iter(|| {
                    fill(&mut tx, each);
                    drain(&mut rx);
                });
            });
        }
    }
    group.finish();
    c.benchmark_group("lane")
        .bench_function("park-and-unpark", |bencher| {
            let (mut tx, mut rx) = lane::<Msg>(0);
            bencher.iter(|| {
                assert!(rx.park_now());
                tx.push(Msg::new(), true);
                assert!(tx.publish());
                rx.pop()
            });
        });
}

criterion_group!(queue, benches);
criterion_main!(queue);
