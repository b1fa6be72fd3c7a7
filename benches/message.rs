//! Messages, as large as fit in line and larger ones: `cargo bench --bench message`.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use zmq::msg::{INLINE_MAX, Msg, RecvBlock};

const SIZES: [usize; 4] = [10, INLINE_MAX, 100, 4096];

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("message");
    for size in SIZES {
        let bytes = vec![7; size];
        let id = |name: &str| BenchmarkId::new(name, size);
        group.bench_function(id("init-and-close"), |bencher| {
            bencher.iter(|| drop(black_box(Msg::with_size(black_box(size)))));
        });
        group.bench_function(id("copied-and-closed"), |bencher| {
            bencher.iter(|| drop(black_box(Msg::copied(black_box(&bytes)))));
        });
        group.bench_function(id("share-and-close"), |bencher| {
            let mut msg = Msg::copied(&bytes).expect("there is memory");
            bencher.iter(|| drop(black_box(msg.share())));
        });
        group.bench_function(id("move"), |bencher| {
            let mut msg = Msg::copied(&bytes).expect("there is memory");
            bencher.iter(|| {
                let mut moved = black_box(msg.take());
                msg = moved.take();
            });
        });
    }
    // What a receiver hands out: slices of the block that it read into.
    group.bench_function("slice-and-close", |bencher| {
        const SIZE: usize = 100;
        const BLOCK: usize = 64 << 10;
        let bytes = vec![7; BLOCK];
        let mut block = RecvBlock::with_capacity(BLOCK).expect("there is memory");
        bencher.iter(|| {
            if block.unread().len() < SIZE {
                block = RecvBlock::with_capacity(BLOCK).expect("there is memory");
                block.carry(&bytes);
            }
            drop(black_box(block.slice(SIZE)));
        });
    });
    group.finish();
}

criterion_group!(message, benches);
criterion_main!(message);
