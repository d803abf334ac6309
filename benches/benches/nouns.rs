//! What naming costs: hashing bytes with both functions, parsing labels and paths.
//! Knows only `model`; what needs files or processes is measured elsewhere.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use model::{Digest, FileId, FileKind, Label, RelPath};

/// The sizes of a small source, of a large one, and of a binary's part, in bytes.
const SIZES: [usize; 3] = [2 << 10, 64 << 10, 1 << 20];

fn hashing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hashing");
    for size in SIZES {
        let bytes = vec![b'x'; size];
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_with_input(BenchmarkId::new("digest of stored bytes", size), &bytes, |bencher, bytes| {
            bencher.iter(|| Digest::of(black_box(bytes)));
        });
        group.bench_with_input(BenchmarkId::new("id of a source", size), &bytes, |bencher, bytes| {
            bencher.iter(|| FileId::of(FileKind::File, black_box(bytes)));
        });
    }
    group.finish();
}

fn parsing(criterion: &mut Criterion) {
    let here = RelPath::new("services/cart").expect("a normal path");
    let mut group = criterion.benchmark_group("parsing");
    group.bench_function("a label", |bencher| bencher.iter(|| Label::parse(black_box("//libs/go/money:unit"), &here)));
    group.bench_function("a path", |bencher| bencher.iter(|| RelPath::new(black_box("libs/go/money/money.go"))));
    group.finish();
}

criterion_group!(nouns, hashing, parsing);
criterion_main!(nouns);
