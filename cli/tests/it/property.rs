//! Random workspaces and edits: after each edit, an incremental build equals a clean one elsewhere, runs only what
//! is necessary, and is the same with and without memory.
//!
//! `RG_PROPERTY_SEQUENCES` is how many sequences are tried, from the seed `RG_PROPERTY_SEED`; a failure names the
//! seed of its sequence, and `RG_PROPERTY_SEQUENCES=1 RG_PROPERTY_SEED=…` tries that one again.

mod edits;
mod model;
mod random;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use testkit::workspace::{Run, Workspace, remove};

use crate::environment;
use edits::Edit;
use model::Model;
use random::Random;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_rg");
/// Edits of one sequence.
const EDITS: usize = 5;

#[test]
fn an_incremental_build_equals_a_clean_one_after_any_edits() {
    let sequences = environment::number("RG_PROPERTY_SEQUENCES").unwrap_or(if environment::is_ci() { 200 } else { 30 });
    let first = environment::number("RG_PROPERTY_SEED").unwrap_or(1);
    let next = AtomicU64::new(first);
    let failures = Mutex::new(Vec::new());
    let used = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|it| *it < first + sequences) {
                    match std::panic::catch_unwind(AssertUnwindSafe(|| sequence(seed))) {
                        Ok(edits) => used.lock().unwrap().extend(edits),
                        Err(_) => failures.lock().unwrap().push(seed),
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "sequences that failed: {failures:?}; RG_PROPERTY_SEED={}", failures[0]);
    if sequences >= 200 {
        let unused: Vec<&Edit> = edits::ALL.iter().filter(|edit| !used.lock().unwrap().contains(edit)).collect();
        assert!(unused.is_empty(), "no sequence tried {unused:?}");
    }
}

/// Tries one sequence, and returns the edits that were tried.
fn sequence(seed: u64) -> Vec<Edit> {
    let mut random = Random::new(seed);
    let executor = if random.one_in(6) { "native" } else { "host" };
    let mut model = Model::random(&mut random);
    let mut house = House { workspace: Workspace::in_memory(PROGRAM), executor, known: BTreeSet::new(), lossy: false };
    model.write(&Model::default(), &house.workspace);
    let mut history = vec![model.clone()];
    let mut tried = Vec::new();
    house.check(&model, &format!("seed {seed}, at the beginning"), &mut random);
    for _ in 0..EDITS {
        // A broken workspace is repaired half of the time: what is seen afterwards is a build again.
        let broken = house.is_broken();
        let edit = if broken && random.one_in(2) { Edit::Revert } else { edits::ALL[random.below(edits::ALL.len())] };
        tried.push(edit);
        let before = model.clone();
        edit.on_model(&mut model, &history, &mut random);
        model.write(&before, &house.workspace);
        edit.on_disk(&model, &house.workspace, &mut random);
        house.lossy |= edit.may_lose_results();
        house.lossy &= edit != Edit::DeleteCache;
        if edit.may_lose_results() {
            house.known.clear();
        }
        house.check(&model, &format!("seed {seed}, after {tried:?}"), &mut random);
        history.push(model.clone());
    }
    tried
}

/// By label: the key of its action, and what came of it.
type Keys = BTreeMap<String, (String, String)>;

/// A workspace that lives through a sequence.
struct House {
    workspace: Workspace,
    executor: &'static str,
    /// The keys of all results that the cache has to have.
    known: BTreeSet<String>,
    /// Whether the cache has lost something that is missed only when it is needed.
    lossy: bool,
}

impl House {
    fn build(&self, workspace: &Workspace) -> (Run, Vec<Value>) {
        let events = workspace.beside("events");
        let events = events.to_str().unwrap();
        remove(events.as_ref());
        let words =
            ["build", "//...", "-k", "-j2", "--executor", self.executor, "--output", "json", "--events", events];
        let run = workspace.rg(&words);
        let text = std::fs::read_to_string(events).unwrap_or_default();
        (run, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    fn is_broken(&self) -> bool {
        self.workspace.rg(&["query", "//..."]).code != 0
    }

    fn check(&mut self, model: &Model, when: &str, random: &mut Random) {
        let elsewhere = Workspace::in_memory(PROGRAM);
        model.write(&Model::default(), &elsewhere);
        let (clean, clean_events) = self.build(&elsewhere);
        let (built, events) = self.build(&self.workspace);
        let executor = self.executor;
        let trouble = || format!("{when}\n{executor}\n{built}\n-- clean\n{clean}\n{}", definitions(model));
        assert_eq!(built.code, clean.code, "the exit codes differ: {}", trouble());
        if clean.code == 2 {
            assert_eq!(built.err, clean.err, "the mistakes differ: {}", trouble());
            return;
        }
        let keys = keys(&clean_events);
        self.check_necessary(&events, &keys, &trouble);
        self.check_same(&built, &clean, &elsewhere, &trouble);
        let (again, _) = self.build(&self.workspace);
        check_nothing_to_do(&again, &clean, &trouble);
        if random.one_in(3) {
            self.workspace.memory_files().iter().for_each(|path| remove(path));
            let (forgetful, events) = self.build(&self.workspace);
            if !self.lossy {
                check_nothing_to_do(&forgetful, &clean, &trouble);
            }
            let only_keys =
                |keys: &Keys| keys.iter().map(|(label, it)| (label.clone(), it.0.clone())).collect::<Vec<_>>();
            assert_eq!(
                only_keys(&self::keys(&events)),
                only_keys(&keys),
                "without memory, the keys differ: {}",
                trouble()
            );
            assert_eq!(verdicts(&forgetful), verdicts(&again), "without memory, the report differs: {}", trouble());
        }
    }

    /// Only actions run whose results the cache did not have; those that fail are never had.
    fn check_necessary(&mut self, events: &[Value], keys: &Keys, trouble: &dyn Fn() -> String) {
        for (label, (key, outcome)) in self::keys(events) {
            assert_eq!(keys.get(&label).map(|it| &it.0), Some(&key), "the key of {label} differs: {}", trouble());
            if outcome == "executed" && !self.lossy {
                assert!(!self.known.contains(&key), "{label} ran though its result was known: {}", trouble());
            }
        }
        let succeeded = keys.values().filter(|(_, outcome)| outcome == "executed" || outcome == "cached");
        self.known.extend(succeeded.map(|(key, _)| key.clone()));
    }

    fn check_same(&self, built: &Run, clean: &Run, elsewhere: &Workspace, trouble: &dyn Fn() -> String) {
        assert_eq!(verdicts(built), verdicts(clean), "the reports differ: {}", trouble());
        let (got, want) = (self.workspace.delivered(), elsewhere.delivered());
        if clean.code == 0 {
            assert_eq!(got, want, "the outputs differ: {}", trouble());
        } else {
            // What failed now may have left what it made before.
            for (path, node) in &want {
                assert_eq!(got.get(path), Some(node), "the output {path} differs: {}", trouble());
            }
        }
    }
}

/// A second build runs nothing, or only what fails again.
fn check_nothing_to_do(again: &Run, clean: &Run, trouble: &dyn Fn() -> String) {
    let document = again.json();
    assert_eq!(again.code, clean.code, "a second build ends differently: {again}\n{}", trouble());
    let actions = &document["actions"];
    assert_eq!(actions["executed"], actions["failed"], "a second build runs something: {again}\n{}", trouble());
}

/// Returns the key of each action that was told of, with what came of it, by label.
fn keys(events: &[Value]) -> Keys {
    let finished = events.iter().filter(|event| event["event"] == "action_finished");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let key = |event: &Value| (text(&event["label"]), (text(&event["key"]), text(&event["outcome"])));
    finished.map(key).collect()
}

/// Returns what a report says about targets, whether or not it was made in this run.
fn verdicts(run: &Run) -> Vec<(String, String, Value)> {
    let targets = run.json()["targets"].as_array().cloned().unwrap_or_default();
    let verdict = |target: &Value| {
        let status = target["status"].as_str().unwrap_or_default().replace("executed", "cached");
        (target["label"].to_string(), status, target["outputs"].clone())
    };
    targets.iter().map(verdict).collect()
}

fn definitions(model: &Model) -> String {
    model.rendered().iter().map(|(path, node)| format!("{path}: {node:?}\n")).collect()
}
