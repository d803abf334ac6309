//! Reads what a Go test program prints under `-test.v=test2json`: lines that report on tests are marked by a control
//! byte, so that nothing a test prints can be mistaken for them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::escape::TEST2JSON_MARK;

/// What one Go test came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Case {
    /// Its name, subtests with their parents: `TestA/empty`.
    pub name: String,
    /// The verdict.
    pub verdict: Verdict,
    /// How long it ran.
    pub duration: Duration,
    /// What it printed.
    pub output: String,
}

/// The verdict on a Go test.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It passed.
    Passed,
    /// It failed.
    Failed,
    /// The program ended in the middle of it.
    Unfinished,
    /// It skipped itself.
    Skipped,
}

impl Case {
    /// Whether it is a reason that the program failed.
    pub fn is_bad(&self) -> bool {
        matches!(self.verdict, Verdict::Failed | Verdict::Unfinished)
    }
}

/// Returns what a log says of failed tests, without what `go test` does not show either: the tests that passed, and when
/// each began. `None` if it reports no failed test.
pub fn failures(log: &str) -> Option<String> {
    let (cases, mut shown) = (cases(log), String::new());
    // A test that failed because a part of it did is told by that part.
    let by_a_part = |case: &Case| {
        let part = |other: &Case| other.name.strip_prefix(&case.name).is_some_and(|rest| rest.starts_with('/'));
        case.output.is_empty() && cases.iter().any(|other| other.is_bad() && part(other))
    };
    for case in cases.iter().filter(|case| case.is_bad() && !by_a_part(case)) {
        let end = match case.verdict {
            Verdict::Unfinished => "the program ended in it".to_owned(),
            Verdict::Passed | Verdict::Failed | Verdict::Skipped => format!("{:.2}s", case.duration.as_secs_f64()),
        };
        shown.push_str(&format!("--- FAIL: {} ({end})\n{}", case.name, case.output));
        if !shown.ends_with('\n') {
            shown.push('\n');
        }
    }
    (!shown.is_empty()).then_some(shown)
}

/// Returns the tests that a log reports, in the order in which they began; none if it has no mark.
pub fn cases(log: &str) -> Vec<Case> {
    let mut reader = Reader::default();
    // A test may leave a line open; the mark then stands in its middle.
    for line in log.split_inclusive('\n') {
        let mut parts = line.split(TEST2JSON_MARK);
        reader.output(parts.next().unwrap_or_default());
        parts.for_each(|report| reader.report(report));
    }
    reader.cases
}

#[derive(Default)]
struct Reader {
    cases: Vec<Case>,
    positions: BTreeMap<String, usize>,
    current: Option<usize>,
}

impl Reader {
    fn output(&mut self, text: &str) {
        if let Some(current) = self.current {
            self.cases[current].output.push_str(text);
        }
    }

    /// Reads a marked line, without its mark.
    fn report(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("==="), Some("RUN" | "CONT"), Some(name)) => self.current = Some(self.position(name)),
            (Some("==="), Some("NAME"), name) => self.current = name.map(|name| self.position(name)),
            (Some("==="), Some("PAUSE"), Some(_)) => self.current = None,
            (Some("---"), Some(verdict), Some(name)) => self.end(verdict, name, words.next()),
            _ => self.current = None,
        }
    }

    fn position(&mut self, name: &str) -> usize {
        let cases = &mut self.cases;
        *self.positions.entry(name.to_owned()).or_insert_with(|| {
            let verdict = Verdict::Unfinished;
            cases.push(Case { name: name.to_owned(), verdict, duration: Duration::ZERO, output: String::new() });
            cases.len() - 1
        })
    }

    fn end(&mut self, verdict: &str, name: &str, duration: Option<&str>) {
        let verdict = match verdict {
            "PASS:" => Verdict::Passed,
            "FAIL:" => Verdict::Failed,
            "SKIP:" => Verdict::Skipped,
            _ => return,
        };
        let position = self.position(name);
        let seconds = duration.and_then(|text| text.trim_matches(['(', ')', 's']).parse().ok());
        self.cases[position].verdict = verdict;
        self.cases[position].duration =
            seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or_default();
        // What older versions of Go print below the verdict belongs to the test too.
        self.current = Some(position);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(log: &str, want: &str) {
        let shown: Vec<String> = cases(log)
            .iter()
            .map(|case| format!("{} {:?} {}ms {:?}\n", case.name, case.verdict, case.duration.as_millis(), case.output))
            .collect();
        assert_eq!(shown.concat(), want);
    }

    #[test]
    fn each_go_test_becomes_a_case_with_its_output() {
        check(
            "\x16=== RUN   TestA\n    a_test.go:5: hello\n\x16=== RUN   TestA/empty\n\x16--- PASS: TestA/empty (0.00s)\n\
             \x16--- PASS: TestA (0.25s)\n\x16=== RUN   TestB\nb\n\x16--- FAIL: TestB (0.01s)\n\
             \x16=== RUN   TestC\n\x16--- SKIP: TestC (0.00s)\n\x16FAIL\nexit status 1\n",
            "TestA Passed 250ms \"    a_test.go:5: hello\\n\"\n\
             TestA/empty Passed 0ms \"\"\n\
             TestB Failed 10ms \"b\\n\"\n\
             TestC Skipped 0ms \"\"\n",
        );
    }

    #[test]
    fn of_a_log_only_the_failed_tests_are_shown() {
        let log = "\x16=== RUN   TestA\nfine\n\x16--- PASS: TestA (0.00s)\n\x16=== RUN   TestB\n\x16=== RUN   TestB/x\n\
                   \x20   b_test.go:7: got 1\n\x16--- FAIL: TestB/x (0.01s)\n\x16--- FAIL: TestB (0.01s)\n\
                   \x16=== RUN   TestC\npanic: oh\n";
        let want =
            "--- FAIL: TestB/x (0.01s)\n    b_test.go:7: got 1\n--- FAIL: TestC (the program ended in it)\npanic: oh\n";
        assert_eq!(failures(log).as_deref(), Some(want));
        assert_eq!(failures("just a log\n"), None);
    }

    #[test]
    fn parallel_tests_keep_their_own_output() {
        check(
            "\x16=== RUN   TestA\n\x16=== PAUSE TestA\n\x16=== RUN   TestB\n\x16=== PAUSE TestB\n\x16=== CONT  TestA\n\
             \x16=== CONT  TestB\nb\n\x16=== NAME  TestA\na\n\x16--- PASS: TestA (0.00s)\n\x16--- PASS: TestB (0.00s)\n\x16PASS\n",
            "TestA Passed 0ms \"a\\n\"\nTestB Passed 0ms \"b\\n\"\n",
        );
    }

    #[test]
    fn what_a_test_prints_cannot_pass_for_a_verdict() {
        check(
            "\x16=== RUN   TestA\n--- PASS: TestFake (0.00s)\nopen line\x16--- FAIL: TestA (0.00s)\n\x16FAIL\n",
            "TestA Failed 0ms \"--- PASS: TestFake (0.00s)\\nopen line\"\n",
        );
    }

    #[test]
    fn a_test_in_which_the_program_ends_has_failed() {
        check("\x16=== RUN   TestA\npanic: oh\n", "TestA Unfinished 0ms \"panic: oh\\n\"\n");
        check("just a log\n", "");
    }
}
