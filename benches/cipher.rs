//! A message of CURVE sealed, and opened: what the cipher alone allows.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::sync::Arc;
use zmq::zmtp::handshake::{Config, Handshake};
use zmq::zmtp::mechanism::cipher::Cipher;
use zmq::zmtp::mechanism::curve::Keys;
use zmq::zmtp::mechanism::curve::key::SecretKey;
use zmq::zmtp::mechanism::{Kind, Verdict};

const SIZES: [usize; 6] = [16, 100, 256, 1_000, 4_096, 65_536];

fn config(as_server: bool, curve: Keys) -> Arc<Config> {
    Arc::new(Config {
        socket_type: "PAIR",
        type_number: 0,
        legal_peers: &["PAIR"],
        routing_id: Vec::new(),
        send_identity: false,
        expects_identity: false,
        metadata: Vec::new(),
        max_frame: None,
        mechanism: Kind::Curve,
        as_server,
        plain: Default::default(),
        curve,
        gssapi: Default::default(),
        zap_domain: Vec::new(),
        zap_required: true,
        zap_enforced: false,
    })
}

/// A client and a server that have shaken hands.
fn ciphers() -> [Cipher; 2] {
    let key = || SecretKey::generate().expect("randomness");
    let (ours, theirs) = (key(), Keys::of_server(key()));
    let client = Keys {
        public: ours.public(),
        secret: ours,
        server: theirs.public,
    };
    let mut sides = [
        Handshake::new(config(false, client)),
        Handshake::new(config(true, theirs)),
    ];
    let mut done = [false; 2];
    while done != [true; 2] {
        for from in [0, 1] {
            let mut bytes = Vec::new();
            sides[from].transmit(&mut bytes);
            let other = &mut sides[1 - from];
            other.receive(&bytes).expect("a handshake");
            if other.zap_request().is_some() {
                other.zap_reply(Verdict::NoHandler).expect("nobody to ask");
            }
        }
        for (done, side) in done.iter_mut().zip(&mut sides) {
            *done |= side.outcome().is_some();
        }
    }
    sides.map(|mut side| side.take_cipher().expect("a cipher"))
}

fn sealed(cipher: &mut Cipher, body: &[u8], into: &mut Vec<u8>) {
    let size = cipher.seal.prepare(0, body).expect("a size");
    into.resize(size, 0);
    cipher.seal.seal(0, body, into).expect("a box");
}

fn seal(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("seal");
    for size in SIZES {
        let [mut client, _] = ciphers();
        let (body, mut into) = (vec![7; size], Vec::new());
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| sealed(&mut client, &body, &mut into));
        });
    }
}

fn open(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("open");
    for size in SIZES {
        let [mut client, mut server] = ciphers();
        let body = vec![7; size];
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter_batched_ref(
                || {
                    let mut into = Vec::new();
                    sealed(&mut client, &body, &mut into);
                    into
                },
                |frame| server.open.open(frame).expect("a message"),
                BatchSize::NumIterations(64),
            );
        });
    }
}

criterion_group!(benches, seal, open);
criterion_main!(benches);
