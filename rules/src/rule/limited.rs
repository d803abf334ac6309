//! What rules that run a program share: its environment, its time, and how its tests are tried. One attribute means the
//! same wherever it stands.

use std::time::Duration;

use model::{Exclusive, Limits, Mistake, codes};

use super::{AttributeDoc, AttributeType};
use crate::declaration::Declaration;
use crate::lowering::Lowering;

pub(crate) const ENV: AttributeDoc = AttributeDoc {
    name: "env",
    kind: AttributeType::Environment,
    default: Some("{}"),
    doc: "Environment variables, which win over the base environment.",
};
pub(crate) const TEST_TIMEOUT: AttributeDoc = AttributeDoc {
    name: "timeout",
    kind: AttributeType::Number,
    default: Some("300"),
    doc: "After so many seconds each of its actions is ended and has timed out.",
};
pub(crate) const RETRIES: AttributeDoc = AttributeDoc {
    name: "retries",
    kind: AttributeType::Number,
    default: Some("0"),
    doc: "How often it is tried again after a failure; one that then passes is flaky.",
};
pub(crate) const EXCLUSIVE: AttributeDoc = AttributeDoc {
    name: "exclusive",
    kind: AttributeType::Truth,
    default: Some("false"),
    doc: "Whether it runs while nothing else does.",
};

/// Returns the limits of a test, which has the attributes above.
pub(crate) fn test_limits(declaration: &Declaration, lowering: &mut Lowering<'_>) -> Limits {
    Limits {
        timeout: Some(timeout(declaration, 300, lowering)),
        grace: Duration::ZERO,
        retries: declaration.number("retries").map_or(0, |(retries, _)| retries),
        exclusive: if declaration.is_true("exclusive") { Exclusive::Yes } else { Exclusive::No },
        ..Limits::default()
    }
}

/// Returns the seconds of `timeout`.
pub(crate) fn timeout(declaration: &Declaration, default_seconds: u64, lowering: &mut Lowering<'_>) -> Duration {
    let seconds = match declaration.number("timeout") {
        None => default_seconds,
        Some((0, at)) => {
            let mistake = Mistake::new(codes::BAD_VALUE, "`timeout` is 0, so nothing could finish");
            lowering.mistake(mistake.at(at.clone(), "in seconds, from 1"));
            default_seconds
        }
        Some((seconds, _)) => u64::from(seconds),
    };
    Duration::from_secs(seconds)
}
