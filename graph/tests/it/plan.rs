//! Plans: what has to run, given what earlier runs made.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use graph::{Delivered, Goal, Graph, Known, Plan, Remembered, Results, Reuse, State, StaticKeys, Wishes};
use model::{Action, ActionKey, Content, Digest, FileId, FileKind, Fingerprint, Need, RelPath, TargetId};
use testkit::analysis::{analysis, command, id, suite, test};

use crate::shop::linked;

/// `app -> gen -> base`, with a test of the app and a suite.
fn graph() -> Graph {
    let needs = |action: &mut Action| action.needs.push(Need::Base);
    linked(analysis([
        command("//base").sources(&["base/b"]),
        command("//gen").sources(&["gen/g"]).deps(&["//base"]).adjust(needs),
        command("//app").deps(&["//gen"]),
        test("//app:unit").deps(&["//app"]),
        suite("//:fast").deps(&["//app:unit"]),
        command("//other"),
    ]))
}

/// A machine with a workspace on it.
#[derive(Clone, Copy)]
struct Now {
    /// What `gen/g` holds.
    source: &'static str,
    /// What the base system is found to be.
    base: u8,
}

const THEN: Now = Now { source: "g", base: 1 };

impl Now {
    fn keys(self, graph: &Graph) -> StaticKeys {
        let text = |path: &RelPath| if path.as_str() == "gen/g" { self.source.to_owned() } else { path.to_string() };
        let id = |path: &&RelPath| FileId::of(FileKind::File, text(path).as_bytes());
        graph.static_keys(&graph.file_ids(&|files| files.iter().map(id).collect()), "")
    }

    fn pin(self) -> impl Fn(&Need) -> Option<Fingerprint> {
        move |_| Some(Fingerprint([self.base; 32]))
    }
}

fn known(graph: &Graph, step: graph::StepId, text: &str) -> Arc<Known> {
    let content = Content::File { digest: Digest::of(text.as_bytes()), executable: false };
    let outputs = graph.action(step).outputs.iter().map(|output| (output.name.clone(), content.clone())).collect();
    Arc::new(Known { key: ActionKey(Digest::of(b"")), outputs, log: None, duration: Duration::ZERO })
}

/// Runs everything: each action makes a file with its title.
fn run(graph: &Graph, now: Now) -> Results {
    let keys = now.keys(graph);
    let mut results = Results::default();
    for step in graph.steps() {
        let made = known(graph, step, &graph.title(step));
        let output = |dep| Some(known(graph, dep, &graph.title(dep)));
        let seen = graph.seen(step, &now.pin(), &output).unwrap();
        results.actions.insert(keys[step], Remembered { known: made, seen });
    }
    results
}

fn plan(graph: &Graph, goals: &[Goal], now: Now, results: &Results) -> Plan {
    let wishes = Wishes { rerun: &BTreeSet::new(), reuse: Reuse::Known };
    graph.plan(goals, &now.keys(graph), &now.pin(), results, &wishes)
}

fn build(label: &str) -> Goal {
    Goal::Build(id(label))
}

fn states(graph: &Graph, plan: &Plan) -> String {
    let shown = plan.steps.iter().map(|planned| {
        let state = match planned.state {
            State::Settled(_) => "settled",
            State::Ask => "ask",
            State::Force => "force",
        };
        format!("{state} {}", graph.title(planned.step))
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn check(now: Now, results: impl FnOnce(&Graph) -> Results, want: &str) {
    let graph = graph();
    let plan = plan(&graph, &[build("//app")], now, &results(&graph));
    assert_eq!(states(&graph, &plan), want);
}

#[test]
fn without_memory_everything_is_asked_for() {
    check(THEN, |_| Results::default(), "ask //base:base, ask //gen:gen, ask //app:app");
}

#[test]
fn unchanged_steps_are_settled() {
    check(THEN, |graph| run(graph, THEN), "settled //base:base, settled //gen:gen, settled //app:app");
}

#[test]
fn an_edit_unsettles_its_readers_and_who_depends_on_them() {
    let edited = Now { source: "edited", ..THEN };
    check(edited, |graph| run(graph, THEN), "settled //base:base, ask //gen:gen, ask //app:app");
}

#[test]
fn another_pin_unsettles_who_needs_it() {
    let updated = Now { base: 2, ..THEN };
    check(updated, |graph| run(graph, THEN), "settled //base:base, ask //gen:gen, ask //app:app");
}

#[test]
fn other_outputs_of_a_dependency_unsettle_its_dependents_alone() {
    let rebuilt = |graph: &Graph| {
        let mut results = run(graph, THEN);
        let step = graph.steps_of(graph.target_index(&id("//gen")).unwrap()).next().unwrap();
        results.actions.get_mut(&THEN.keys(graph)[step]).unwrap().known = known(graph, step, "not deterministic");
        results
    };
    check(THEN, rebuilt, "settled //base:base, settled //gen:gen, ask //app:app");
}

#[test]
fn after_an_early_cutoff_the_next_plan_is_settled() {
    // The edit changed nothing in what gen makes: the app did not run, and is remembered under its new static key.
    let edited = Now { source: "edited", ..THEN };
    check(edited, |graph| run(graph, edited), "settled //base:base, settled //gen:gen, settled //app:app");
}

#[test]
fn a_lost_result_of_a_dependency_unsettles_its_dependents() {
    let forgotten = |graph: &Graph| {
        let mut results = run(graph, THEN);
        let step = graph.steps_of(graph.target_index(&id("//base")).unwrap()).next().unwrap();
        results.actions.remove(&THEN.keys(graph)[step]);
        results
    };
    check(THEN, forgotten, "ask //base:base, ask //gen:gen, ask //app:app");
}

#[test]
fn a_rerun_forces_its_target_and_asks_for_its_dependents() {
    let graph = graph();
    let results = run(&graph, THEN);
    let rerun: BTreeSet<TargetId> = [id("//gen")].into();
    let wishes = Wishes { rerun: &rerun, reuse: Reuse::Known };
    let plan = graph.plan(&[build("//app")], &THEN.keys(&graph), &THEN.pin(), &results, &wishes);
    assert_eq!(states(&graph, &plan), "settled //base:base, force //gen:gen, ask //app:app");
    let wishes = Wishes { rerun: &BTreeSet::new(), reuse: Reuse::Nothing };
    let plan = graph.plan(&[build("//app")], &THEN.keys(&graph), &THEN.pin(), &results, &wishes);
    assert_eq!(states(&graph, &plan), "force //base:base, force //gen:gen, force //app:app");
}

#[test]
fn only_a_test_goal_runs_tests() {
    let graph = graph();
    let steps = |goal| states(&graph, &plan(&graph, &[goal], THEN, &Results::default()));
    let built = "ask //base:base, ask //gen:gen, ask //app:app";
    assert_eq!(steps(build("//app:unit")), built);
    assert_eq!(steps(build("//:fast")), built);
    let tested = format!("{built}, ask //app:unit");
    assert_eq!(steps(Goal::Test(id("//app:unit"))), tested);
    assert_eq!(steps(Goal::Test(id("//:fast"))), tested);
}

#[test]
fn only_what_goals_reach_is_needed() {
    let graph = graph();
    assert_eq!(graph.needs(&[build("//app")]), [Need::Base].into());
    assert_eq!(graph.needs(&[build("//base"), build("//other")]), [].into());
}

#[test]
fn outputs_of_goals_are_delivered_and_those_of_vanished_targets_are_stale() {
    let graph = graph();
    let mut results = Results::default();
    for label in ["//app", "//gone", "//app:unit"] {
        results.delivered.insert(id(label), Delivered::default());
    }
    let plan = plan(&graph, &[build("//app"), build("//base")], THEN, &results);
    let delivered: Vec<&str> = plan.deliveries.iter().map(|delivery| delivery.directory.as_str()).collect();
    assert_eq!(delivered, ["rg-out/app/app", "rg-out/base/base"]);
    let stale: Vec<String> = plan.stale.iter().map(|(id, _)| id.label.to_string()).collect();
    assert_eq!(stale, ["//app:unit", "//gone:gone"]);
}
