//! What counts in a key and what does not. Static keys and action keys agree on it, but for what is known only once
//! something ran.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use graph::{Graph, Known, StepId};
use model::{
    Action, ActionKey, Analysis, Command, Content, Digest, FileId, FileKind, Fingerprint, Need, Network, OutputKind,
    RelPath, StaticKey, Work,
};
use proptest::prelude::*;
use testkit::analysis::{TargetBuilder, analysis, command, id, path};

use crate::shop::linked;

/// A workspace on a machine, as far as keys see it.
#[derive(Clone)]
struct State {
    targets: Vec<TargetBuilder>,
    /// Files that hold something else than their path.
    files: BTreeMap<&'static str, (FileKind, &'static str)>,
    domain: &'static str,
    /// What each need is found to be.
    pin: u8,
    /// What each action makes.
    made: &'static str,
}

impl State {
    fn new(targets: impl IntoIterator<Item = TargetBuilder>) -> State {
        State { targets: targets.into_iter().collect(), files: BTreeMap::new(), domain: "", pin: 1, made: "made" }
    }

    fn file(mut self, path: &'static str, kind: FileKind, content: &'static str) -> State {
        self.files.insert(path, (kind, content));
        self
    }

    fn entry<'a>(&self, path: &'a RelPath) -> (FileKind, &'a str)
    where
        'static: 'a,
    {
        self.files.get(path.as_str()).copied().unwrap_or((FileKind::File, path.as_str()))
    }

    fn static_key(&self) -> StaticKey {
        let graph = linked(analysis(self.targets.clone()));
        let id = |path: &RelPath| {
            let (kind, content) = self.entry(path);
            FileId::of(kind, content.as_bytes())
        };
        let ids = graph.file_ids(&|files| files.iter().map(|file| id(file)).collect());
        graph.static_keys(&ids, self.domain)[last(&graph)]
    }

    fn action_key(&self) -> ActionKey {
        let graph = linked(analysis(self.targets.clone()));
        let step = last(&graph);
        let placed = graph.placed(step, &|path| content(self.entry(path)), &|dep| self.known(&graph, dep));
        let pin = |_: &Need| Fingerprint([self.pin; 32]);
        let encoded = graph::encode(graph.action(step), self.domain, placed, &pin, &|digest| Err(model::Lost(*digest)));
        encoded.unwrap().key
    }

    fn known(&self, graph: &Graph, step: StepId) -> Arc<Known> {
        let outputs = graph.action(step).outputs.iter();
        let outputs = outputs.map(|output| (output.name.clone(), content((FileKind::File, self.made))));
        let key = ActionKey(Digest::of(b""));
        Arc::new(Known { key, outputs: outputs.collect(), log: None, duration: Duration::ZERO })
    }
}

/// Returns the step of `//app`.
fn last(graph: &Graph) -> StepId {
    graph.steps_of(graph.target_index(&id("//app")).unwrap()).next_back().unwrap()
}

fn content((kind, text): (FileKind, &str)) -> Content {
    match kind {
        FileKind::Symlink => Content::Symlink(Arc::from(text)),
        FileKind::File => Content::File { digest: Digest::of(text.as_bytes()), executable: false },
        FileKind::Executable => Content::File { digest: Digest::of(text.as_bytes()), executable: true },
    }
}

fn app() -> TargetBuilder {
    command("//app").sources(&["app/a.txt", "app/b.txt"]).deps(&["//gen"])
}

fn generator() -> TargetBuilder {
    command("//gen").sources(&["gen/g.txt"])
}

/// Checks that a change of the action of `//app` changes both keys.
fn counts(change: fn(&mut Action)) {
    differ(&State::new([app(), generator()]), &State::new([app().adjust(change), generator()]));
}

fn differ(left: &State, right: &State) {
    assert_ne!(left.static_key(), right.static_key(), "static keys");
    assert_ne!(left.action_key(), right.action_key(), "action keys");
}

fn same(left: &State, right: &State) {
    assert_eq!(left.static_key(), right.static_key(), "static keys");
    assert_eq!(left.action_key(), right.action_key(), "action keys");
}

fn program(action: &mut Action) -> &mut Command {
    match &mut action.work {
        Work::Command(command) => command,
        Work::Fetch(_) | Work::Tree(_) => panic!("the fixture is a command"),
    }
}

fn need(programs: &[&str]) -> Need {
    Need::Host { toolchain: Arc::from("go"), programs: programs.iter().map(|program| Arc::from(*program)).collect() }
}

#[test]
fn names_tags_attributes_and_places_do_not_count() {
    let noisy = app().tags(&["web"]).attribute("description", "\"x\"").line(99).rule("other").visible_to(&["//..."]);
    same(&State::new([app(), generator()]), &State::new([noisy, generator().tags(&["x"])]));
}

#[test]
fn other_targets_and_the_numbers_of_file_sets_do_not_count() {
    let more = [command("//zoo").sources(&["zoo/z"]), generator(), command("//first").sources(&["a"]), app()];
    same(&State::new([app(), generator()]), &State::new(more));
}

#[test]
fn files_count_by_content_path_and_kind() {
    let plain = State::new([app(), generator()]);
    differ(&plain, &plain.clone().file("app/a.txt", FileKind::File, "edited"));
    differ(&plain, &plain.clone().file("app/a.txt", FileKind::Executable, "app/a.txt"));
    differ(&plain, &plain.clone().file("app/a.txt", FileKind::Symlink, "app/a.txt"));
    let moved = app_with(&["app/a.txt", "app/c.txt"]);
    differ(&plain, &State::new([moved.clone(), generator()]).file("app/c.txt", FileKind::File, "app/b.txt"));
    differ(&plain, &State::new([app_with(&["app/a.txt"]), generator()]));
}

fn app_with(files: &[&str]) -> TargetBuilder {
    command("//app").sources(files).deps(&["//gen"])
}

#[test]
fn files_that_swap_their_contents_count() {
    let plain = State::new([app(), generator()]);
    let swapped = plain.clone().file("app/a.txt", FileKind::File, "app/b.txt");
    differ(&plain, &swapped.file("app/b.txt", FileKind::File, "app/a.txt"));
}

#[test]
fn the_command_counts() {
    counts(|action| program(action).argv.push(Arc::from("x")));
    counts(|action| program(action).argv = vec![Arc::from("/bin/sh"), Arc::from("-euctrue")]);
    counts(|action| drop(program(action).env.insert(Arc::from("A"), Arc::from("1"))));
    counts(|action| program(action).env.clear());
    counts(|action| program(action).directory = path("src"));
    counts(|action| program(action).network = Network::Host);
}

#[test]
fn limits_versions_outputs_and_needs_count() {
    counts(|action| action.limits.timeout = Some(Duration::from_secs(7)));
    counts(|action| action.rule_version += 1);
    counts(|action| action.outputs[0].at = path("src/rg-out/app/app/p"));
    counts(|action| action.outputs[0].kind = OutputKind::Directory);
    counts(|action| action.outputs[0].kind = OutputKind::OptionalFile);
    counts(|action| action.needs.push(Need::Base));
    counts(|action| action.needs.push(need(&["go"])));
}

#[test]
fn which_output_is_optional_counts() {
    let two = |kinds: fn(&mut Action)| State::new([app().outputs(&["a", "b"]).adjust(kinds), generator()]);
    let first = two(|action| action.outputs[0].kind = OutputKind::OptionalFile);
    differ(&first, &two(|action| action.outputs[1].kind = OutputKind::OptionalFile));
}

#[test]
fn retries_and_exclusiveness_do_not_count() {
    let eager = app().adjust(|action| {
        action.limits.retries = 3;
        action.limits.exclusive = model::Exclusive::Yes;
        action.name = Arc::from("again");
    });
    same(&State::new([app(), generator()]), &State::new([eager, generator()]));
}

#[test]
fn the_domain_counts() {
    let plain = State::new([app(), generator()]);
    differ(&plain, &State { domain: "host", ..plain.clone() });
}

#[test]
fn a_toolchain_counts_as_declared_before_and_as_found_after() {
    let with = |change: fn(&mut Action)| State::new([app().adjust(change), generator()]);
    let go = with(|action| action.needs.push(need(&["go"])));
    assert_ne!(go.static_key(), with(|action| action.needs.push(need(&["go", "gofmt"]))).static_key());
    let updated = State { pin: 2, ..go.clone() };
    assert_eq!(go.static_key(), updated.static_key());
    assert_ne!(go.action_key(), updated.action_key());
}

#[test]
fn a_producer_counts_by_its_key_before_and_by_its_output_after() {
    let plain = State::new([app(), generator()]);
    let edited = plain.clone().file("gen/g.txt", FileKind::File, "edited");
    assert_ne!(plain.static_key(), edited.static_key(), "what it reads has changed");
    assert_eq!(plain.action_key(), edited.action_key(), "what it makes has not: the early cutoff");
    let other = State { made: "something else", ..plain.clone() };
    assert_eq!(plain.static_key(), other.static_key());
    assert_ne!(plain.action_key(), other.action_key());
}

#[test]
fn a_fetch_is_known_by_its_lock_entry_alone() {
    let fetch = |action: &mut Action| {
        action.work = Work::Fetch(model::Locked::GoModule {
            path: Arc::from("example.com/x"),
            version: Arc::from("v1.0.0"),
            sum: Arc::from("h1:abc"),
            mod_sum: None,
        });
        action.inputs.clear();
    };
    let plain = State::new([app().adjust(fetch), generator()]);
    same(&plain, &State { domain: "host", pin: 9, ..plain.clone() });
    let newer = |action: &mut Action| {
        if let Work::Fetch(model::Locked::GoModule { version, .. }) = &mut action.work {
            *version = Arc::from("v1.0.1");
        }
    };
    differ(&plain, &State::new([app().adjust(fetch).adjust(newer), generator()]));
}

/// Everything of a random target that counts.
type Counted = (Vec<String>, BTreeMap<String, String>, Option<u8>, Vec<bool>);

fn counted() -> impl Strategy<Value = Counted> {
    let word = "[ab =]{0,2}";
    (
        prop::collection::vec(word, 0..3),
        prop::collection::btree_map(word, word, 0..3),
        prop::option::of(0..2u8),
        prop::collection::vec(any::<bool>(), 3),
    )
}

fn random(counted: &Counted, noise: u32) -> Analysis {
    let (argv, env, timeout, files) = counted;
    let names = ["app/a", "app/b", "app/a b"];
    let sources: Vec<&str> = names.into_iter().zip(files).filter(|(_, used)| **used).map(|(name, _)| name).collect();
    let target = command("//app").sources(&sources).line(noise).tags(&[["x", "y"][noise as usize % 2]]);
    let mut analysis = analysis((0..noise % 3).map(|at| command(&format!("//n{at}")).sources(&["n"])).chain([target]));
    let app = analysis.targets.iter_mut().find(|target| target.id == id("//app")).unwrap();
    let action = &mut app.actions[0];
    action.limits.timeout = timeout.map(|seconds| Duration::from_secs(u64::from(seconds)));
    program(action).argv = argv.iter().map(|word| Arc::from(&**word)).collect();
    program(action).env = env.iter().map(|(name, value)| (Arc::from(&**name), Arc::from(&**value))).collect();
    analysis
}

fn keys_of(analysis: Analysis) -> (StaticKey, ActionKey) {
    let graph = linked(analysis);
    let step = last(&graph);
    let id = |path: &&RelPath| FileId::of(FileKind::File, path.as_str().as_bytes());
    let keys = graph.static_keys(&graph.file_ids(&|files| files.iter().map(id).collect()), "");
    let file = |path: &RelPath| content((FileKind::File, path.as_str()));
    let placed = graph.placed(step, &file, &|_| unreachable!());
    let pin = |_: &Need| Fingerprint([0; 32]);
    let encoded = graph::encode(graph.action(step), "", placed, &pin, &|digest| Err(model::Lost(*digest)));
    (keys[step], encoded.unwrap().key)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equal_descriptions_have_equal_keys_and_others_have_others(left in counted(), right in counted(), noise in any::<(u16, u16)>()) {
        let (a, b) = (keys_of(random(&left, noise.0.into())), keys_of(random(&left, noise.1.into())));
        prop_assert_eq!(a, b);
        let other = keys_of(random(&right, noise.1.into()));
        prop_assert_eq!(left == right, a.0 == other.0);
        prop_assert_eq!(left == right, a.1 == other.1);
    }
}
