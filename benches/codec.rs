//! Frames to bytes and back: `cargo bench --features bench --bench codec`.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use zmq::link::bench::{Decoder, Encoder};
use zmq::msg::Msg;
use zmq::queue::lane;

const SIZES: [usize; 4] = [10, 48, 100, 1000];
/// Bytes of one round: as many as a link writes at once.
const ROUND: usize = 60_000;

fn message(size: usize) -> Msg {
    Msg::copied(&vec![7; size]).expect("there is memory")
}

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("codec");
    for size in SIZES {
        let count = ROUND / (size + 2);
        group.throughput(Throughput::Elements(count as u64));
        let mut msg = message(size);
        let mut encoder = Encoder::default();
        group.bench_function(BenchmarkId::new("encode", size), |bencher| {
            bencher.iter(|| {
                encoder.clear();
                for _ in 0..count {
                    encoder.encode(black_box(&mut msg));
                }
                black_box(encoder.bytes().len())
            });
        });
        // The queue that messages are decoded into is part of it, and so is dropping them.
        let bytes = encoder.bytes().to_vec();
        let (mut tx, mut rx) = lane::<Msg>(0);
        group.bench_function(BenchmarkId::new("decode", size), |bencher| {
            bencher.iter_batched(
                || Decoder::holding(&bytes).expect("there is memory"),
                |mut decoder| {
                    decoder.decode(&mut tx).expect("the frames are sound");
                    let _ = tx.publish();
                    let mut taken = 0;
                    rx.take_while(|_| {
                        taken += 1;
                        true
                    });
                    let _ = rx.took_messages(taken);
                    assert_eq!(taken, count as u64);
                    decoder
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(codec, benches);
criterion_main!(codec);
