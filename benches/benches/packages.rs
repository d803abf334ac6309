//! Packages of the shape of real ones: 24 wheels with 1,080 files, 143 tarballs with 4,719 files in 86 MB, and the
//! `node_modules` that they make, assembled as the input of an action. The figures are CPU time of all threads: on a
//! machine that is shared, wall time says little. It is measured where a goal is in wall time.

#![expect(clippy::unwrap_used, reason = "a benchmark that panics has failed")]

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache::Cache;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use flate2::write::{DeflateEncoder, GzEncoder};
use flate2::{Compression, Crc};
use model::{Assembly, Content, Digest, RelPath};
use tempfile::TempDir;

/// As many as the machine of the published figures has.
const WORKERS: usize = 2;

type Input = (RelPath, Content);

/// The CPU time of this process, shown as a time.
struct Cpu(WallTime);

impl Measurement for Cpu {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        time.try_into().unwrap()
    }

    fn end(&self, start: Duration) -> Duration {
        self.start() - start
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        self.0.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self.0.formatter()
    }
}

/// A store with packages in it.
struct Store {
    cache: Cache,
    inputs: Vec<Input>,
    dir: TempDir,
}

impl Store {
    fn with(packages: &[(String, Vec<u8>)]) -> Store {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path().to_owned(), 1 << 40);
        let input = |(at, bytes): &(String, Vec<u8>)| {
            let digest = cache.put_bytes(bytes).unwrap();
            (RelPath::new(at).unwrap(), Content::File { digest, executable: false })
        };
        let inputs = packages.iter().map(input).collect();
        Store { cache, inputs, dir }
    }

    /// Makes a tree of each package by itself, as workers do, and merges them.
    fn unpack(&self, assembly: Assembly) -> Digest {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut made = Vec::new();
            while let Some(input) = self.inputs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let root = Digest::of(b"");
                let (input, draft) = (std::slice::from_ref(input), self.cache.draft().ok());
                let root = exec::assemble(assembly, &root, input, &[], &self.cache, draft).unwrap();
                made.push((RelPath::root(), Content::Directory(root)));
            }
            made
        };
        let trees: Vec<Input> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        });
        self.merge(trees)
    }

    fn merge(&self, trees: Vec<Input>) -> Digest {
        let tree = graph::merge(trees, &|digest| self.cache.directory(digest)).unwrap();
        for (_, bytes) in &tree.messages {
            self.cache.put_directory(&model::reapi::Message::decode(bytes).unwrap()).unwrap();
        }
        tree.root
    }

    /// Lets another process find everything.
    fn beside(&self) -> Cache {
        self.cache.commit(&[]).unwrap();
        Cache::at(self.dir.path().to_owned(), 1 << 40)
    }

    fn forget_trees(&self) -> PathBuf {
        let trees = self.dir.path().join("v1/trees");
        let away = self.dir.path().join(format!("away{}", std::fs::read_dir(self.dir.path()).unwrap().count()));
        std::fs::rename(&trees, away).unwrap();
        std::fs::create_dir(&trees).unwrap();
        trees
    }
}

/// Text that packs about as well as code does.
fn text(seed: u64, length: usize) -> Vec<u8> {
    let words = ["return ", "const ", "value", "(this.", ") => {\n", "  if (", "import ", ";\n", " = ", "index", "0x"];
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = Vec::with_capacity(length + 32);
    while out.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        out.extend(words[(state >> 33) as usize % words.len()].as_bytes());
        if state >> 60 == 0 {
            out.extend(format!("{state:x}").as_bytes());
        }
    }
    out
}

fn wheels() -> Vec<(String, Vec<u8>)> {
    let name = |number: usize| format!("wheels/{number}/x{number}-1-py3-none-any.whl");
    (0..24).map(|number| (name(number), wheel(number))).collect()
}

fn wheel(number: usize) -> Vec<u8> {
    let code = |file: usize| {
        let seed = (number * 1000 + file) as u64;
        (format!("x{number}/d{}/m{file}.py", file % 6), text(seed, 20_000))
    };
    let mut files: Vec<(String, Vec<u8>)> = (0..43).map(code).collect();
    files.push((format!("x{number}-1.dist-info/WHEEL"), b"Wheel-Version: 1.0\n".to_vec()));
    files.push((format!("x{number}-1.dist-info/RECORD"), Vec::new()));
    zip(&files)
}

fn zip(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut out, mut list) = (Vec::new(), Vec::new());
    for (name, body) in files {
        let mut crc = Crc::new();
        crc.update(body);
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        let packed = encoder.finish().unwrap();
        let offset = out.len() as u32;
        let sizes = [crc.sum(), packed.len() as u32, body.len() as u32].map(u32::to_le_bytes).concat();
        let middle = [&[0, 0, 8, 0, 0, 0, 0, 0][..], &sizes, &(name.len() as u16).to_le_bytes(), &[0, 0]].concat();
        out.extend([b"PK\x03\x04\x14\0", &middle[..], name.as_bytes(), &packed].concat());
        list.extend([b"PK\x01\x02\x14\x03\x14\0", &middle[..], &[0; 6], &(0o100_644u32 << 16).to_le_bytes()].concat());
        list.extend([&offset.to_le_bytes(), name.as_bytes()].concat());
    }
    let count = (files.len() as u16).to_le_bytes();
    let place = [(list.len() as u32).to_le_bytes(), (out.len() as u32).to_le_bytes()].concat();
    out.extend(&list);
    out.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &place, &[0, 0]].concat());
    out
}

fn tarballs() -> Vec<(String, Vec<u8>)> {
    (0..143).map(|number| (format!("node_modules/p{number}"), tarball(number))).collect()
}

fn tarball(number: usize) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for file in 0..33 {
        let body = text((number * 100 + file) as u64, 18_200);
        let mut header = tar::Header::new_ustar();
        header.set_size(body.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("package/lib/d{}/m{file}.js", file % 6), &body[..]).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn unpacking(criterion: &mut Criterion<Cpu>) {
    unpack(criterion, "unpack");
}

fn unpack<M: Measurement>(criterion: &mut Criterion<M>, name: &str) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    // Kept until the end: ext4 is slow to make a file where many were removed a moment ago.
    let mut kept = Vec::new();
    for (name, packages, assembly) in
        [("24 wheels", wheels(), Assembly::Wheels), ("143 tarballs", tarballs(), Assembly::NpmTarballs)]
    {
        for (name, packages) in [(name.to_owned(), &packages[..]), (format!("one of {name}"), &packages[..1])] {
            group.bench_function(name, |bencher| {
                let unpack = |store: Store| {
                    store.unpack(assembly);
                    store
                };
                bencher.iter_batched(
                    || Store::with(packages),
                    |store| kept.push(unpack(store)),
                    BatchSize::PerIteration,
                );
            });
        }
    }
}

fn assembling(criterion: &mut Criterion<Cpu>) {
    assemble(criterion, "assemble 4,719 files");
}

fn wall(criterion: &mut Criterion) {
    unpack(criterion, "unpack, wall time");
    assemble(criterion, "assemble 4,719 files, wall time");
}

fn assemble<M: Measurement>(criterion: &mut Criterion<M>, name: &str) {
    let packages = tarballs();
    at_first(criterion, name, &packages);
    let store = Store::with(&packages);
    let root = store.unpack(Assembly::NpmTarballs);
    again(criterion, name, &store, &root);
}

fn at_first<M: Measurement>(criterion: &mut Criterion<M>, name: &str, packages: &[(String, Vec<u8>)]) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    let unpacked = || {
        let store = Store::with(packages);
        let root = store.unpack(Assembly::NpmTarballs);
        (store, root)
    };
    let mut kept = Vec::new();
    group.bench_function("at first, by the process that has unpacked them", |bencher| {
        let assemble = |(store, root): (Store, Digest)| {
            store.cache.assemble(&root).unwrap();
            kept.push(store);
        };
        bencher.iter_batched(unpacked, assemble, BatchSize::PerIteration);
    });
    let (store, root) = unpacked();
    group.bench_function("at first, by a process that has read the files", |bencher| {
        let assemble = |_| store.cache.assemble(&root).unwrap();
        bencher.iter_batched(|| store.forget_trees(), assemble, BatchSize::PerIteration);
    });
    group.bench_function("at first, by a process that has to read the files", |bencher| {
        let fresh = || {
            store.forget_trees();
            store.beside()
        };
        let assemble = |cache: Cache| (cache.assemble(&root).unwrap(), cache);
        bencher.iter_batched(fresh, assemble, BatchSize::PerIteration);
    });
}

fn again<M: Measurement>(criterion: &mut Criterion<M>, name: &str, store: &Store, root: &Digest) {
    let mut group = criterion.benchmark_group(name);
    store.cache.assemble(root).unwrap();
    group.bench_function("again", |bencher| bencher.iter(|| store.cache.assemble(root).unwrap()));
    // The process has its lease, as one has that has looked for a result.
    let beside = || {
        let cache = store.beside();
        cache.has(&[]);
        cache
    };
    let assemble = |cache: Cache| (cache.assemble(root).unwrap(), cache);
    group.bench_function("again, by another process", |bencher| {
        bencher.iter_batched(beside, assemble, BatchSize::PerIteration);
    });
    group.bench_function("again, by another process after a restart of the machine", |bencher| {
        let restarted = || {
            let _ = std::fs::remove_dir_all(store.dir.path().join("v1/stamps"));
            beside()
        };
        bencher.iter_batched(restarted, assemble, BatchSize::PerIteration);
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(Cpu(WallTime)).warm_up_time(Duration::from_secs(1));
    targets = unpacking, assembling
}
criterion_group! {
    name = walls;
    config = Criterion::default().warm_up_time(Duration::from_secs(1));
    targets = wall
}
criterion_main!(benches, walls);
