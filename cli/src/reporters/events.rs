//! The event stream, `rg.events/v1`: one JSON object a line. The first is `invocation`, the last is `end`.

use std::io::Write;
use std::time::{Duration, Instant};

use exec::{Event, Report, Status, StepReport};
use graph::{Graph, StepId};
use model::Purpose;
use serde_json::{Value, json};

use super::json::{ActionsEntry, line, millis};
use super::last_line;
use super::verdict::is_cached;
use crate::exit::Exit;

/// Writes the event stream.
pub struct EventLog {
    sink: Box<dyn Write>,
    began: Instant,
    /// The first error; after it nothing more is written, and the run goes on.
    error: Option<std::io::Error>,
}

impl EventLog {
    /// Begins a stream, with the words of the call.
    pub fn begin(sink: Box<dyn Write>, arguments: &[String], unix_time_ms: u64) -> EventLog {
        let mut log = EventLog { sink, began: Instant::now(), error: None };
        log.write(json!({
            "event": "invocation",
            "schema": "rg.events/v1",
            "version": env!("CARGO_PKG_VERSION"),
            "arguments": arguments,
            "unix_time_ms": unix_time_ms,
        }));
        log
    }

    /// Writes what happened.
    pub fn on(&mut self, graph: &Graph, event: &Event<'_>) {
        match event {
            Event::Planned(total) => {
                self.write(json!({ "event": "planned", "actions": total.steps, "settled": total.settled }));
            }
            Event::Started { step, attempt } => {
                self.write(merged(named("action_started", graph, *step), json!({ "attempt": attempt })))
            }
            Event::Tried { step, attempt, failure, duration } => {
                let outcome = if failure.is_some() { "failed" } else { "passed" };
                let error = failure.map(ToString::to_string);
                let told = json!({
                    "attempt": attempt, "outcome": outcome, "error": error, "duration_ms": millis(*duration),
                });
                self.write(merged(named("action_tried", graph, *step), told));
            }
            Event::Waiting(steps) => {
                let titles: Vec<String> = steps.iter().map(|step| graph.title(*step)).collect();
                self.write(json!({ "event": "waiting", "actions": titles }));
            }
            Event::Finished { step, report } => {
                self.write(merged(named("action_finished", graph, *step), finished(report)));
            }
            Event::Warning(text) => self.write(json!({ "event": "warning", "message": text })),
            Event::Expected { .. } | Event::Receives { .. } | Event::Visits { .. } | Event::Tick => {}
        }
    }

    /// Ends the stream; returns the error that kept it from being written whole.
    pub fn end(mut self, graph: &Graph, report: &Report, exit: Exit, duration: Duration) -> std::io::Result<()> {
        let counts = report.counts(|step| last_line::counts(graph, step));
        self.write(json!({
            "event": "end",
            "exit_code": exit.code(),
            "success": exit == Exit::Done,
            "actions": ActionsEntry::of(counts),
            "duration_ms": millis(duration),
        }));
        match self.error.take() {
            Some(error) => Err(error),
            None => self.sink.flush(),
        }
    }

    fn write(&mut self, event: Value) {
        if self.error.is_none() {
            let event = merged(event, json!({ "at_ms": millis(self.began.elapsed()) }));
            self.error = self.sink.write_all(line(&event).as_bytes()).err();
        }
    }
}

fn named(event: &str, graph: &Graph, step: StepId) -> Value {
    let (target, action) = (graph.target_of(step), graph.action(step));
    let purpose = match action.purpose {
        Purpose::Build => "build",
        Purpose::Test => "test",
        Purpose::Fetch => "fetch",
        Purpose::Internal => "internal",
    };
    json!({ "event": event, "label": target.id.label.to_string(), "action": &*action.name, "purpose": purpose })
}

fn finished(report: &StepReport) -> Value {
    let outcome = match &report.status {
        Status::Settled | Status::Hit => "cached",
        Status::Executed => "executed",
        Status::Failed(_) => "failed",
        Status::Skipped => "skipped",
    };
    let error = match &report.status {
        Status::Failed(failure) => Some(failure.to_string()),
        Status::Settled | Status::Hit | Status::Executed | Status::Skipped => None,
    };
    json!({
        "key": report.key.map(|key| key.to_string()),
        "outcome": outcome,
        "error": error,
        "duration_ms": millis(report.duration),
        "peak_memory_bytes": report.peak_memory_bytes,
        "cache": is_cached(report).then_some("local"),
        "attempts": report.attempts,
        "failed_attempts": report.failed_attempts,
        "log": report.log.as_ref().map(|log| log.digest.to_string()),
    })
}

fn merged(mut event: Value, more: Value) -> Value {
    if let (Value::Object(event), Value::Object(more)) = (&mut event, more) {
        event.extend(more);
    }
    event
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;
    use crate::fixture::{Fixture, failed};
    use exec::{Failure, Total};

    #[derive(Clone, Default)]
    struct Shared(Rc<RefCell<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_stream_tells_the_run_from_invocation_to_end() {
        let fixture = Fixture::new(&[("//t:bad", Purpose::Test)]);
        let (sink, step, ended) = (Shared::default(), fixture.step("//t:bad"), failed(Failure::Exit(1)));
        let mut log = EventLog::begin(Box::new(sink.clone()), &["test".to_owned()], 0);
        log.on(&fixture.graph, &Event::Planned(Total { steps: 1, settled: 0 }));
        log.on(&fixture.graph, &Event::Started { step, attempt: 1 });
        log.on(&fixture.graph, &Event::Tick);
        log.on(&fixture.graph, &Event::Finished { step, report: &ended });
        log.end(&fixture.graph, &fixture.report, Exit::TestsFailed, Duration::ZERO).unwrap();
        let text = String::from_utf8(sink.0.borrow().clone()).unwrap();
        let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let names: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
        assert_eq!(names, ["invocation", "planned", "action_started", "action_finished", "end"]);
        assert_eq!((events[3]["outcome"].as_str(), events[3]["error"].as_str()), (Some("failed"), Some("exit code 1")));
        assert_eq!(events[4]["exit_code"], 3);
    }
}
