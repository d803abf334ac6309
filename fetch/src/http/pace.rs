//! Notices a server that sends next to nothing, and so never lets a read wait for long enough to fail.

use std::time::{Duration, Instant};

/// The least that has to come in the time that a server may be idle.
const LEAST_BYTES: u64 = 1024;

/// Counts what came since a while.
pub(super) struct Pace {
    idle: Duration,
    since: Instant,
    bytes: u64,
}

impl Pace {
    /// Begins to count.
    pub fn begin(idle: Duration, now: Instant) -> Pace {
        Pace { idle, since: now, bytes: 0 }
    }

    /// Counts what came; returns whether it is too little.
    pub fn is_too_slow(&mut self, came: usize, now: Instant) -> bool {
        self.bytes += came as u64;
        if now.saturating_duration_since(self.since) < self.idle {
            return false;
        }
        let too_slow = self.bytes < LEAST_BYTES;
        (self.since, self.bytes) = (now, 0);
        too_slow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_now_and_then_is_too_slow() {
        let check = |bytes_a_second: usize, want: bool| {
            let began = Instant::now();
            let mut pace = Pace::begin(Duration::from_secs(10), began);
            let mut slow = (1..60).map(|second| pace.is_too_slow(bytes_a_second, began + Duration::from_secs(second)));
            assert_eq!(slow.any(|slow| slow), want, "{bytes_a_second} bytes a second");
        };
        check(1, true);
        check(1_000, false);
    }
}
