//! The last line of build and test, whose form scripts rely on, and how durations are written.

use std::time::Duration;

use exec::Counts;
use graph::{Graph, StepId};
use model::Purpose;

/// Whether a step counts: commands, tests and fetches do, rg's own work on trees does not.
pub fn counts(graph: &Graph, step: StepId) -> bool {
    match graph.action(step).purpose {
        Purpose::Build | Purpose::Test | Purpose::Fetch => true,
        Purpose::Internal => false,
    }
}

/// Returns the last line: `42 targets: 3 executed, 39 cached (38 local, 1 remote), 0 failed in 2.4s`.
pub fn last_line(targets: usize, counts: Counts, remote: usize, duration: Duration) -> String {
    let word = if targets == 1 { "target" } else { "targets" };
    let Counts { executed, cached, failed, skipped: _ } = counts;
    let local = cached.saturating_sub(remote);
    format!(
        "{targets} {word}: {executed} executed, {cached} cached ({local} local, {remote} remote), {failed} failed in {}",
        short(duration)
    )
}

/// Returns the line about what was not tried, which stands before the last one; nothing if all was.
pub fn skipped_line(counts: Counts) -> Option<String> {
    match counts.skipped {
        0 => None,
        1 => Some("1 action was skipped: something it depends on failed, or the run ended before".to_owned()),
        many => Some(format!("{many} actions were skipped: something they depend on failed, or the run ended before")),
    }
}

/// Returns a duration as people read it: `12ms`, `2.4s`, `3m05s`, `2h00m`.
pub fn short(duration: Duration) -> String {
    let (millis, seconds) = (duration.as_millis(), duration.as_secs());
    match seconds {
        0 if millis < 100 => format!("{millis}ms"),
        // Tenths are cut off, not rounded: 59.99 s must not become 60.0s.
        0..60 => format!("{seconds}.{}s", duration.subsec_millis() / 100),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_short(millis: u64, want: &str) {
        assert_eq!(short(Duration::from_millis(millis)), want);
    }

    #[test]
    fn durations_are_short() {
        check_short(0, "0ms");
        check_short(99, "99ms");
        check_short(300, "0.3s");
        check_short(59_999, "59.9s");
        check_short(185_000, "3m05s");
        check_short(7_200_000, "2h00m");
    }

    #[test]
    fn the_last_line_has_its_form() {
        let counts = Counts { executed: 3, cached: 39, failed: 0, skipped: 2 };
        assert_eq!(
            last_line(42, counts, 1, Duration::from_millis(2400)),
            "42 targets: 3 executed, 39 cached (38 local, 1 remote), 0 failed in 2.4s"
        );
        assert_eq!(
            last_line(1, Counts::default(), 0, Duration::ZERO),
            "1 target: 0 executed, 0 cached (0 local, 0 remote), 0 failed in 0ms"
        );
        assert!(skipped_line(counts).is_some_and(|line| line.starts_with("2 actions were skipped")));
        assert_eq!(skipped_line(Counts::default()), None);
    }
}
