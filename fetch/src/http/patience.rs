//! How long a server is waited for, and how often it is asked again.

use std::time::Duration;

/// How long a server is waited for, and how often it is asked again.
#[derive(Clone, Debug)]
pub struct Patience {
    /// The longest time until a connection stands.
    pub connect: Duration,
    /// The longest time in which nothing, or next to nothing, comes.
    pub idle: Duration,
    /// What is waited before each further try. A try that brought a part of the file starts the count again.
    pub pauses: Vec<Duration>,
    /// The most that is waited because a server asks for it.
    pub longest_pause: Duration,
}

/// What the user's client allows: it may shorten the patience, and not lengthen it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Limits {
    /// The longest time in which nothing comes.
    pub idle: Option<Duration>,
    /// How often is asked again.
    pub retries: Option<usize>,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            connect: Duration::from_secs(15),
            idle: Duration::from_secs(60),
            pauses: [500, 2_000, 5_000].map(Duration::from_millis).to_vec(),
            longest_pause: Duration::from_secs(30),
        }
    }
}

impl Patience {
    /// Returns the patience within some limits.
    pub(crate) fn within(&self, limits: Limits) -> Patience {
        let shorter = |own: Duration| limits.idle.map_or(own, |idle| own.min(idle));
        let mut pauses = self.pauses.clone();
        pauses.truncate(limits.retries.unwrap_or(usize::MAX));
        Patience { connect: shorter(self.connect), idle: shorter(self.idle), pauses, ..self.clone() }
    }

    /// Returns what is waited after so many failures; `None` if it is time to give up.
    pub(crate) fn pause(&self, failures: usize, retry_after: Option<Duration>) -> Option<Duration> {
        let pause = *self.pauses.get(failures)?;
        Some(retry_after.map_or(pause, |asked| asked.clamp(pause, self.longest_pause.max(pause))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_ask_for_a_longer_pause_but_not_for_any() {
        let check = |failures: usize, retry_after: Option<u64>, want: Option<u64>| {
            let pause = Patience::default().pause(failures, retry_after.map(Duration::from_secs));
            assert_eq!(pause, want.map(Duration::from_millis));
        };
        check(0, None, Some(500));
        check(2, None, Some(5_000));
        check(3, None, None);
        check(0, Some(0), Some(500));
        check(0, Some(7), Some(7_000));
        check(0, Some(3_600), Some(30_000));
        check(3, Some(1), None);
    }
}
