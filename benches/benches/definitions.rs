//! What analysis costs: a workspace's BUILD.toml files become targets and actions, with nothing remembered and with
//! everything. Knows `rules` on a map of files, so no disk is measured.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use model::Facts;
use rules::Settings;
use testkit::MapTree;

/// Numbers of packages.
const PACKAGES: [usize; 2] = [100, 1000];

/// A workspace of packages of three targets, each with a dependency on the package before it.
fn workspace(packages: usize) -> MapTree {
    (0..packages).fold(MapTree::new(&[]), |tree, number| {
        let before = number.saturating_sub(1);
        let dep = if number == 0 { String::new() } else { format!(", \"//p{before}:lib\"") };
        let text = format!(
            "[package]\nvisibility = [\"//...\"]\n\n[command.lib]\nrun = \"cat in.txt > $OUT/o\"\n\
             inputs = [\"*.txt\"{dep}]\noutputs = [\"o\"]\ntags = [\"web\"]\n\n[test.unit]\n\
             run = \"grep -q x $(location :lib)\"\ninputs = [\":lib\"]\n\n[files.all]\nsrcs = [\"*.txt\"]\n"
        );
        tree.with(&format!("p{number}/BUILD.toml"), text).with(&format!("p{number}/in.txt"), "x\n")
    })
}

fn analysis(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("analysis");
    for packages in PACKAGES {
        let (tree, settings) = (workspace(packages), Settings::default());
        let remembered =
            rules::analyze(&tree, &[], &settings, &Facts::default(), &[]).remember.expect("it was analyzed anew");
        group.throughput(Throughput::Elements(packages as u64));
        group.bench_with_input(BenchmarkId::new("anew", packages), &tree, |bencher, tree| {
            bencher.iter(|| rules::analyze(black_box(tree), &[], &settings, &Facts::default(), &[]));
        });
        group.bench_with_input(BenchmarkId::new("remembered", packages), &tree, |bencher, tree| {
            bencher.iter(|| rules::analyze(black_box(tree), &[], &settings, &Facts::default(), &remembered));
        });
    }
    group.finish();
}

criterion_group!(definitions, analysis);
criterion_main!(definitions);
