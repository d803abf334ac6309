//! What `rg doctor` prints: a verdict on each thing that rg needs, with what repairs it. Does not look at the
//! machine, but for the programs called `rg`; whoever calls brings the checks.

use serde::Serialize;

use crate::escape;
use crate::exit::Exit;
use crate::reporters::json;
use crate::twin::{Program, Whose};

/// One thing that was looked at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Check {
    /// What was looked at: `executor native`.
    pub name: String,
    /// What it came to.
    pub verdict: Verdict,
    /// What was found.
    pub detail: String,
    /// What repairs it, as something that can be typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// What a check came to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is as it should be.
    Ok,
    /// Something is slower or weaker than it could be.
    Warn,
    /// rg cannot do its work.
    Fail,
}

impl Check {
    /// Makes a check that came out well.
    pub fn ok(name: impl Into<String>, detail: impl Into<String>) -> Check {
        Check { name: name.into(), verdict: Verdict::Ok, detail: detail.into(), fix: None }
    }

    /// Makes a check of something that could be better.
    pub fn warn(name: impl Into<String>, detail: impl Into<String>, fix: impl Into<String>) -> Check {
        Check { verdict: Verdict::Warn, fix: Some(fix.into()), ..Check::ok(name, detail) }
    }

    /// Makes a check of something without which rg cannot work.
    pub fn fail(name: impl Into<String>, detail: impl Into<String>, fix: impl Into<String>) -> Check {
        Check { verdict: Verdict::Fail, ..Check::warn(name, detail, fix) }
    }
}

/// Returns the checks as text.
pub fn text(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let word = match check.verdict {
            Verdict::Ok => "ok  ",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        };
        text.push_str(&format!("{word}  {:width$}  {}\n", escape::name(&check.name), escape::name(&check.detail)));
        if let Some(fix) = &check.fix {
            text.push_str(&format!("      {:width$}  hint: {}\n", "", escape::name(fix)));
        }
    }
    text
}

/// Returns the checks as the document `rg.doctor/v1`.
pub fn document(checks: &[Check]) -> String {
    let exit = exit(checks);
    json::line(&serde_json::json!({
        "schema": "rg.doctor/v1",
        "success": exit == Exit::Done,
        "exit_code": exit.code(),
        "checks": checks,
    }))
}

/// Returns the exit: this machine cannot do the work if a check failed.
pub fn exit(checks: &[Check]) -> Exit {
    match checks.iter().map(|check| check.verdict).max() {
        Some(Verdict::Fail) => Exit::Machine,
        Some(Verdict::Ok | Verdict::Warn) | None => Exit::Done,
    }
}

/// Returns the check of the name: every `rg` on PATH, and which of them a shell starts.
pub fn name_check(programs: &[Program]) -> Check {
    let list: Vec<String> =
        programs.iter().map(|program| format!("{}{}", program.path.display(), whose(program))).collect();
    let name = "name";
    match programs.first() {
        None => Check::ok(name, "no `rg` is on PATH; this program was started by its path"),
        Some(first) if first.whose == Whose::Ours => {
            let others = if list.len() > 1 { "; calls like ripgrep's are handed on" } else { "" };
            Check::ok(name, format!("`rg` is this program: {}{others}", list.join(", then ")))
        }
        Some(_) => Check::warn(
            name,
            format!("`rg` is another program: {}", list.join(", then ")),
            "type `relgraph`, or put the directory of this program first on PATH",
        ),
    }
}

fn whose(program: &Program) -> &'static str {
    match program.whose {
        Whose::Ours => " (this one)",
        Whose::Other => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_is_a_line_with_its_fix() {
        let checks = [Check::ok("cache", "/c, 3 GiB"), Check::fail("executor native", "no namespaces", "sysctl x=1")];
        assert_eq!(
            text(&checks),
            "ok    cache            /c, 3 GiB\nfail  executor native  no namespaces\n                       hint: sysctl x=1\n"
        );
        assert_eq!(exit(&checks), Exit::Machine);
        assert!(document(&checks).contains(r#""verdict":"fail""#));
    }

    #[test]
    fn the_doctor_says_who_wins_the_name() {
        let program = |path: &str, whose| Program { path: path.into(), whose };
        let won = name_check(&[program("/a/rg", Whose::Ours), program("/b/rg", Whose::Other)]);
        assert_eq!((won.verdict, won.detail.contains("/a/rg (this one), then /b/rg")), (Verdict::Ok, true));
        let lost = name_check(&[program("/b/rg", Whose::Other), program("/a/rg", Whose::Ours)]);
        assert_eq!(lost.verdict, Verdict::Warn);
    }
}
