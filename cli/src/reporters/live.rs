//! The small block at the bottom of a terminal: what runs, for how long, and how much is done. The text is a pure
//! function of a state and a time; only [`Live`] draws.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use exec::{Event, Failure, Status, Total};
use graph::{Graph, StepId};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::last_line::{counts, short};
use crate::escape;

/// How many running actions are listed.
const ROWS: usize = 8;

/// How far a run is.
#[derive(Default)]
pub struct State {
    total: Total,
    executed: usize,
    cached: usize,
    failed: usize,
    skipped: usize,
    running: BTreeMap<StepId, Running>,
    /// How long each step to come took when it ran last.
    expected: BTreeMap<StepId, Option<Duration>>,
    jobs: usize,
    /// Whether, after a failure, the run only waits for what runs.
    only_waits: bool,
    /// Whether the terminal is somebody else's: who visits the container of an action.
    is_lent: bool,
}

/// An action that runs.
struct Running {
    since: Instant,
    attempt: u32,
    /// How many bytes of a package have come, and how many there are, if that is known.
    received: Option<(u64, Option<u64>)>,
}

impl State {
    /// Takes note of what happened.
    pub fn on(&mut self, graph: &Graph, event: &Event<'_>, now: Instant) {
        match event {
            Event::Planned(total) => {
                self.total = *total;
                self.cached = total.settled;
            }
            Event::Expected { durations, jobs } => {
                self.expected = (*durations).clone();
                self.jobs = *jobs;
            }
            Event::Started { step, attempt } => {
                self.running.insert(*step, Running { since: now, attempt: *attempt, received: None });
            }
            Event::Receives { step, bytes, of } => {
                if let Some(running) = self.running.get_mut(step) {
                    running.received = Some((*bytes, *of));
                }
            }
            Event::Waiting(_) => self.only_waits = true,
            Event::Visits { .. } => self.is_lent = true,
            Event::Finished { step, report } => {
                self.running.remove(step);
                self.expected.remove(step);
                if !counts(graph, *step) {
                    return;
                }
                match report.status {
                    Status::Settled | Status::Hit => self.cached += 1,
                    Status::Executed => self.executed += 1,
                    Status::Skipped | Status::Failed(Failure::Cancelled) => self.skipped += 1,
                    Status::Failed(_) => self.failed += 1,
                }
            }
            Event::Tried { .. } | Event::Warning(_) | Event::Tick => {}
        }
    }

    /// Returns the lines of the block: the sum, then what has run for longest. None while the terminal is lent.
    pub fn block(&self, graph: &Graph, elapsed: Duration, now: Instant) -> Vec<String> {
        if self.is_lent {
            return Vec::new();
        }
        let done = self.executed + self.cached + self.failed + self.skipped;
        let mut sum = format!("[{done}/{}] {} executed, {} cached", self.total.steps, self.executed, self.cached);
        if self.failed > 0 {
            sum.push_str(&format!(", {} failed", self.failed));
        }
        sum.push_str(&format!(" · {}", short(elapsed)));
        if self.only_waits {
            sum.push_str(" · failed, waiting for what runs");
        } else if let Some(left) = self.expected_left(now) {
            sum.push_str(&format!(", about {} left", short(left)));
        }
        let mut lines = vec![sum];
        let mut running: Vec<(&StepId, &Running)> = self.running.iter().collect();
        running.sort_by_key(|(step, running)| (running.since, **step));
        for (step, running) in running.iter().take(ROWS) {
            let time = short(now.saturating_duration_since(running.since));
            let again = if running.attempt > 1 { format!(" (run {})", running.attempt) } else { String::new() };
            let received = running.received.map(|(bytes, of)| megabytes(bytes, of)).unwrap_or_default();
            lines.push(format!("  {time:>6}  {}{received}{again}", escape::name(&graph.title(**step))));
        }
        if running.len() > ROWS {
            lines.push(format!("          and {} more", running.len() - ROWS));
        }
        lines
    }

    /// Returns how long the rest may take: the work that is left shared by all places, and no less than the longest
    /// action. `None` unless every action that is left has run before, and once they take longer than they did.
    fn expected_left(&self, now: Instant) -> Option<Duration> {
        let (mut sum, mut longest) = (Duration::ZERO, Duration::ZERO);
        for (step, took) in &self.expected {
            let ran = self.running.get(step).map(|running| now.saturating_duration_since(running.since));
            let left = (*took)?.saturating_sub(ran.unwrap_or_default());
            sum += left;
            longest = longest.max(left);
        }
        let shared = sum / u32::try_from(self.jobs.max(1)).unwrap_or(u32::MAX);
        Some(shared.max(longest)).filter(|left| *left >= Duration::from_secs(1))
    }
}

/// Returns how much of a package has come: ` 3.1/9.6 MB`.
fn megabytes(bytes: u64, of: Option<u64>) -> String {
    let tenths = |bytes: u64| format!("{}.{}", bytes / 1_000_000, bytes % 1_000_000 / 100_000);
    let of = of.map(|of| format!("/{}", tenths(of))).unwrap_or_default();
    format!(" {}{of} MB", tenths(bytes))
}

/// Draws the block on stderr.
pub struct Live {
    screen: MultiProgress,
    rows: Vec<ProgressBar>,
    state: State,
    began: Instant,
}

impl Live {
    /// Begins a block; nothing is drawn yet.
    pub fn begin() -> Live {
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(12));
        Live { screen, rows: Vec::new(), state: State::default(), began: Instant::now() }
    }

    /// Takes note of what happened, and draws.
    pub fn on(&mut self, graph: &Graph, event: &Event<'_>) {
        let now = Instant::now();
        self.state.on(graph, event, now);
        let lines = self.state.block(graph, now.saturating_duration_since(self.began), now);
        while self.rows.len() < lines.len() {
            self.rows.push(self.screen.add(row()));
        }
        for row in self.rows.drain(lines.len()..) {
            row.finish_and_clear();
            self.screen.remove(&row);
        }
        for (row, line) in self.rows.iter().zip(lines) {
            row.set_message(line);
        }
    }

    /// Prints above the block.
    pub fn print(&self, print: impl FnOnce()) {
        self.screen.suspend(print);
    }

    /// Removes the block.
    pub fn end(self) {
        for row in &self.rows {
            row.finish_and_clear();
        }
        // That the block cannot be removed from a terminal that is gone matters to nobody.
        let _ = self.screen.clear();
    }
}

/// Makes a line of the block, cut at the width of the terminal.
fn row() -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::new_spinner().with_style(style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, ended};
    use model::Purpose;

    #[test]
    fn the_block_says_what_runs_and_how_much_is_done() {
        let fixture =
            Fixture::new(&[("//a:a", Purpose::Build), ("//a:b", Purpose::Build), ("//a:c", Purpose::Internal)]);
        let (graph, began, mut state) = (&fixture.graph, Instant::now(), State::default());
        let later = began + Duration::from_secs(2);
        let [a, b, c] = ["//a:a", "//a:b", "//a:c"].map(|label| fixture.step(label));
        state.on(graph, &Event::Planned(Total { steps: 5, settled: 3 }), began);
        for step in [a, b] {
            state.on(graph, &Event::Started { step, attempt: 1 }, began);
        }
        for step in [a, c] {
            state.on(graph, &Event::Finished { step, report: &ended(Status::Executed) }, later);
        }
        assert_eq!(
            state.block(graph, Duration::from_secs(3), later),
            ["[4/5] 1 executed, 3 cached · 3.0s", "    2.0s  //a:b"]
        );
    }

    #[test]
    fn the_time_left_is_told_when_all_that_is_left_has_run_before() {
        let fixture = Fixture::new(&[("//a:a", Purpose::Build), ("//a:b", Purpose::Build), ("//a:c", Purpose::Build)]);
        let (graph, began) = (&fixture.graph, Instant::now());
        let later = began + Duration::from_secs(2);
        let [a, b, c] = ["//a:a", "//a:b", "//a:c"].map(|label| fixture.step(label));
        let check = |durations: [Option<u64>; 3], want: &str| {
            let steps = [a, b, c].into_iter().zip(durations.map(|seconds| seconds.map(Duration::from_secs)));
            let (mut state, durations) = (State::default(), steps.collect());
            state.on(graph, &Event::Planned(Total { steps: 3, settled: 0 }), began);
            state.on(graph, &Event::Expected { durations: &durations, jobs: 2 }, began);
            state.on(graph, &Event::Started { step: a, attempt: 2 }, began);
            assert_eq!(
                state.block(graph, Duration::from_secs(2), later),
                [&format!("[0/3] 0 executed, 0 cached · 2.0s{want}"), "    2.0s  //a:a (run 2)"]
            );
        };
        check([Some(4), Some(4), Some(4)], ", about 5.0s left");
        check([Some(12), Some(1), Some(1)], ", about 10.0s left");
        check([Some(12), None, Some(1)], "");
        check([Some(1), Some(0), Some(0)], "");
    }

    #[test]
    fn of_a_package_the_block_says_how_much_has_come() {
        let fixture = Fixture::new(&[("//a:a", Purpose::Fetch)]);
        let (graph, now, mut state) = (&fixture.graph, Instant::now(), State::default());
        let step = fixture.step("//a:a");
        state.on(graph, &Event::Started { step, attempt: 1 }, now);
        let mut check = |bytes: u64, of: Option<u64>, want: &str| {
            state.on(graph, &Event::Receives { step, bytes, of }, now);
            assert_eq!(state.block(graph, Duration::ZERO, now)[1].trim_start(), want);
        };
        check(3_140_000, Some(9_600_000), "0ms  //a:a 3.1/9.6 MB");
        check(90_000, None, "0ms  //a:a 0.0 MB");
    }

    #[test]
    fn after_a_failure_the_block_says_that_it_waits_and_a_visitor_has_the_terminal_alone() {
        let fixture = Fixture::new(&[("//a:a", Purpose::Build)]);
        let mut state = State::default();
        state.on(&fixture.graph, &Event::Waiting(&[fixture.step("//a:a")]), Instant::now());
        let lines = state.block(&fixture.graph, Duration::from_secs(2), Instant::now());
        assert_eq!(lines, ["[0/0] 0 executed, 0 cached · 2.0s · failed, waiting for what runs"]);
        state.on(&fixture.graph, &Event::Visits { step: fixture.step("//a:a"), resumes: false }, Instant::now());
        assert!(state.block(&fixture.graph, Duration::from_secs(2), Instant::now()).is_empty());
    }
}
