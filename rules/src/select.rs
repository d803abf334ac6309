//! Target patterns of a command line become targets of an analysis, with the semantics of Bazel.
//! It knows no definition and no tree.

use std::collections::BTreeSet;

use model::{Analysis, Kind, Label, LabelError, Mistake, PackageName, Pattern, RelPath, Target, TargetId};

use crate::elsewhere::{inside, perhaps};
use crate::labels::{unknown, unknown_package, written};
use crate::near::nearest;
use crate::rule;
use model::codes;

/// The command that patterns were typed for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Caller {
    /// `rg build`.
    Build,
    /// `rg test`.
    Test,
    /// `rg run`.
    Run,
    /// `rg shell`.
    Shell,
    /// `rg log`.
    Log,
    /// `rg query`: here alone wildcards stand for targets that are tagged `manual` too.
    Query,
}

impl Caller {
    /// Returns the word of the command.
    pub fn word(self) -> &'static str {
        match self {
            Caller::Build => "build",
            Caller::Test => "test",
            Caller::Run => "run",
            Caller::Shell => "shell",
            Caller::Log => "log",
            Caller::Query => "query",
        }
    }
}

/// Returns the targets that patterns stand for, sorted. Each pattern adds to those before it, or subtracts with `-`;
/// patterns that only subtract do so from everything below `here`.
pub fn select(
    patterns: &[String],
    here: &RelPath,
    analysis: &Analysis,
    caller: Caller,
) -> Result<Vec<TargetId>, Vec<Mistake>> {
    let selection = Selection { here, analysis, caller, packages: analysis.packages.iter().cloned().collect() };
    let mut selected: BTreeSet<TargetId> = BTreeSet::new();
    let mut mistakes = Vec::new();
    if !patterns.is_empty() && patterns.iter().all(|pattern| pattern.starts_with('-')) {
        match selection.matched("...") {
            Ok(ids) => selected = ids,
            Err(mistake) => mistakes.push(*mistake),
        }
    }
    for pattern in patterns {
        let (subtracts, text) = pattern.strip_prefix('-').map_or((false, pattern.as_str()), |text| (true, text));
        match selection.matched(text) {
            Err(mistake) => mistakes.push(*mistake),
            Ok(ids) if subtracts => selected.retain(|id| !ids.contains(id)),
            Ok(ids) => selected.extend(ids),
        }
    }
    if mistakes.is_empty() { Ok(selected.into_iter().collect()) } else { Err(mistakes) }
}

struct Selection<'a> {
    here: &'a RelPath,
    analysis: &'a Analysis,
    caller: Caller,
    packages: BTreeSet<RelPath>,
}

type Matched = Result<BTreeSet<TargetId>, Box<Mistake>>;

impl Selection<'_> {
    fn matched(&self, text: &str) -> Matched {
        if let Some(tag) = text.strip_prefix("tag:") {
            return self.tagged(tag);
        }
        if let Some(kind) = text.strip_prefix("kind:") {
            return self.of_kind(kind);
        }
        let text = text.strip_prefix("./").filter(|rest| !rest.is_empty() && !rest.starts_with('/')).unwrap_or(text);
        let typed = if text == "//" { text } else { text.trim_end_matches('/') };
        if typed.starts_with("//") || typed.starts_with('@') {
            return self.pattern(typed, &RelPath::root());
        }
        if typed.starts_with(':') {
            return self.pattern(typed, self.here);
        }
        match self.relative(typed) {
            // `a/b:t`, `...` and `a/...` can only be patterns; a word alone may be a file.
            Some(absolute) if typed.contains(':') || typed.ends_with("...") => self.pattern(&absolute, self.here),
            Some(absolute) => self.label_or_file(typed, &absolute),
            None => self.owners(typed).ok_or_else(|| self.nothing(typed)),
        }
    }

    /// Returns a relative pattern from the root; `None` if only a path can be meant.
    fn relative(&self, typed: &str) -> Option<String> {
        let (package, target) =
            typed.split_once(':').map_or((typed, None), |(package, target)| (package, Some(target)));
        let package = self.here.child(package).ok()?;
        Some(target.map_or_else(|| format!("//{package}"), |target| format!("//{package}:{target}")))
    }

    fn label_or_file(&self, typed: &str, absolute: &str) -> Matched {
        let label = Label::parse(absolute, self.here);
        if let Ok(label) = &label {
            let found = self.ids(|target| target.id.label == *label);
            if !found.is_empty() {
                return Ok(found);
            }
        }
        if let Some(owners) = self.owners(typed) {
            return Ok(owners);
        }
        match label {
            Ok(label) if self.packages.contains(&label.package) => Err(Box::new(self.without_default(&label))),
            Ok(_) | Err(_) => Err(self.nothing(typed)),
        }
    }

    fn pattern(&self, text: &str, here: &RelPath) -> Matched {
        let pattern = Pattern::parse(text, here).map_err(|error| self.not_a_pattern(text, &error))?;
        let Pattern::Target(label) = &pattern else {
            if !self.packages.iter().any(|package| pattern.matches_package(package)) {
                return Err(Box::new(self.empty(&pattern)));
            }
            return Ok(self.ids(|target| self.by_wildcard(target) && pattern.matches(&target.id.label)));
        };
        let found = self.ids(|target| target.id.label == *label);
        if found.is_empty() { Err(Box::new(self.no_target(label))) } else { Ok(found) }
    }

    fn tagged(&self, tag: &str) -> Matched {
        let has = |target: &Target| target.tags.iter().any(|own| &**own == tag);
        if !self.analysis.targets.iter().any(has) {
            let tags: BTreeSet<&str> =
                self.analysis.targets.iter().flat_map(|target| &target.tags).map(|tag| &**tag).collect();
            let mistake = Mistake::new(codes::UNKNOWN_TAG, format!("no target has the tag `{tag}`"));
            return Err(Box::new(match nearest(tag, tags) {
                Some(near) => mistake.hint(format!("write `tag:{near}`")),
                None => mistake,
            }));
        }
        // `tag:manual` asks for manual targets by name.
        Ok(self.ids(|target| has(target) && is_own(target) && (tag == "manual" || self.by_wildcard(target))))
    }

    fn of_kind(&self, kind: &str) -> Matched {
        let used = self.analysis.targets.iter().any(|target| &*target.rule == kind);
        if !used && rule::find(kind).is_none() && !rule::LATER.contains(&kind) {
            let mistake = Mistake::new(codes::UNKNOWN_KIND, format!("there is no rule `{kind}`"));
            return Err(Box::new(match nearest(kind, rule::catalogue().iter().map(|rule| rule.name)) {
                Some(near) => mistake.hint(format!("write `kind:{near}`")),
                None => mistake.hint("`rg rules` lists the rules"),
            }));
        }
        Ok(self.ids(|target| &*target.rule == kind && is_own(target) && self.by_wildcard(target)))
    }

    /// Returns the declared targets that own a file, if there are any.
    fn owners(&self, typed: &str) -> Option<BTreeSet<TargetId>> {
        let file = self.here.resolve(typed).ok()?;
        let holds = |target: &Target| {
            target.kind != Kind::Implicit
                && target.sources.iter().any(|set| self.analysis.files(*set).binary_search(&file).is_ok())
        };
        let owners = self.ids(holds);
        (!owners.is_empty()).then_some(owners)
    }

    fn by_wildcard(&self, target: &Target) -> bool {
        let manual = target.tags.iter().any(|tag| &**tag == "manual");
        target.kind != Kind::Implicit && !(manual && self.caller != Caller::Query)
    }

    fn ids(&self, counts: impl Fn(&Target) -> bool) -> BTreeSet<TargetId> {
        self.analysis.targets.iter().filter(|target| counts(target)).map(|target| target.id.clone()).collect()
    }

    fn no_target(&self, label: &Label) -> Mistake {
        if self.packages.contains(&label.package) && label.package.name() == label.target() {
            return self.without_default(label);
        }
        let mistake = self.unknown(label);
        if label.package.is_root() {
            return mistake;
        }
        let is_default = label.package.name() == label.target();
        let rest = if is_default { String::new() } else { format!(":{}", label.target()) };
        self.led_elsewhere(mistake, &label.package, &rest)
    }

    fn unknown(&self, label: &Label) -> Mistake {
        let labels = self.analysis.targets.iter().map(|target| &target.id.label);
        unknown(label, labels, &self.packages, &self.analysis.repositories)
    }

    /// A directory that is no package may be one of a workspace that lies below this one.
    fn led_elsewhere(&self, mistake: Mistake, dir: &RelPath, rest: &str) -> Mistake {
        if self.packages.contains(dir) || !dir.repository().is_root() {
            return mistake;
        }
        let nested = &self.analysis.nested;
        let is_near = nearest(dir.as_str(), self.packages.iter().map(RelPath::as_str)).is_some();
        let guess = || if is_near { None } else { perhaps(nested, dir, rest, self.caller) };
        match inside(nested, dir, rest, self.caller).or_else(guess) {
            Some(hint) => mistake.hint(hint),
            None => mistake,
        }
    }

    /// A package was named that has no target of its own name.
    fn without_default(&self, label: &Label) -> Mistake {
        let mistake = self.unknown(label);
        let all = format!("write `{}:all` for all targets of the package", PackageName(&label.package));
        let hint = mistake.hint.as_ref().map_or(all.clone(), |hint| format!("{hint}, or {all}"));
        mistake.hint(hint)
    }

    fn empty(&self, pattern: &Pattern) -> Mistake {
        let (Pattern::Package(dir) | Pattern::Beneath(dir)) = pattern else {
            return Mistake::new(codes::EMPTY_WILDCARD, format!("`{pattern}` matches nothing"));
        };
        let rest = if matches!(pattern, Pattern::Package(_)) { ":all" } else { "/..." };
        if let Some(owner) = self.package_around(dir) {
            let message =
                format!("`{pattern}` matches no package: `{dir}` is a part of the package `{}`", PackageName(&owner));
            let command = format!("rg {} {}", self.caller.word(), Pattern::Beneath(owner));
            return Mistake::new(codes::EMPTY_WILDCARD, message)
                .hint(format!("`{command}`; a BUILD.toml makes a directory a package of its own"));
        }
        let near = unknown_package(dir, &self.packages, &self.analysis.repositories, rest);
        if near.code == codes::NO_SUCH_REPOSITORY {
            return near;
        }
        let mistake = Mistake::new(codes::EMPTY_WILDCARD, format!("`{pattern}` matches no package of this workspace"));
        self.led_elsewhere(Mistake { hint: near.hint, ..mistake }, dir, rest)
    }

    /// Returns the package that holds a directory, if both are known to be there and no workspace lies below.
    fn package_around(&self, dir: &RelPath) -> Option<RelPath> {
        let has_file = || self.analysis.sets.iter().flat_map(|set| &set.files).any(|file| file.starts_with(dir));
        let is_foreign = self.analysis.nested.iter().any(|nested| nested.starts_with(dir) || dir.starts_with(nested));
        if is_foreign || !(self.here.starts_with(dir) || has_file()) {
            return None;
        }
        std::iter::successors(dir.parent(), RelPath::parent).find(|above| self.packages.contains(above))
    }

    fn nothing(&self, typed: &str) -> Box<Mistake> {
        let message = format!("`{typed}` is neither a target nor a file that a target owns");
        let mistake = Mistake::new(codes::NO_OWNER, message);
        let path = self.here.resolve(typed).unwrap_or_else(|_| RelPath::root());
        let files = || self.analysis.sets.iter().flat_map(|set| &set.files).map(RelPath::as_str);
        Box::new(match nearest(path.as_str(), self.packages.iter().map(RelPath::as_str).chain(files())) {
            Some(near) if self.packages.contains(near) => mistake.hint(format!("write `{}`", written(near))),
            Some(near) => mistake.hint(format!("write `{near}`")),
            None if path.is_root() => mistake.hint("`rg query //...` lists all targets"),
            None => match self.inside_or_perhaps(&path) {
                Some(hint) => mistake.hint(hint),
                None => mistake.hint("`rg query //...` lists all targets"),
            },
        })
    }

    /// Leads to a workspace below this one that has the path, or may have it.
    fn inside_or_perhaps(&self, path: &RelPath) -> Option<String> {
        let nested = &self.analysis.nested;
        inside(nested, path, "", self.caller).or_else(|| perhaps(nested, path, "", self.caller))
    }

    fn not_a_pattern(&self, text: &str, error: &LabelError) -> Box<Mistake> {
        let mistake = Mistake::new(codes::BAD_PATTERN, error.to_string());
        Box::new(mistake.hint(format!(
            "`{text}` is no pattern: write `//package:target`, `//package/...`, `@name//...` or `tag:NAME`"
        )))
    }
}

/// Whether a target is one of the workspace itself: tags and kinds do not select those of other repositories.
fn is_own(target: &Target) -> bool {
    target.id.label.package.repository().is_root()
}
