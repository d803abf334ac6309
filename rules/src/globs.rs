//! Globs over paths: segment by segment, so that a walk enters only directories that can hold a match.
//! It knows no files.

use globset::{GlobBuilder, GlobMatcher};

/// A glob. `*`, `?`, `[abc]` and `{a,b}` match inside a segment, `**` matches any number of segments.
#[derive(Debug)]
pub(crate) struct Glob {
    segments: Vec<Segment>,
}

#[derive(Debug)]
enum Segment {
    AnyDepth,
    Literal(String),
    Name(GlobMatcher),
}

/// How far a glob has matched a path: the indexes of the segments that come next, sorted.
pub(crate) type Progress = Vec<usize>;

/// Whether a text is a glob and not a plain path.
pub(crate) fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

impl Glob {
    /// Parses a glob; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Glob, String> {
        if text.starts_with('/') {
            return Err("is absolute; globs are relative to the package".to_owned());
        }
        let segments: Result<Vec<Segment>, String> = text.split('/').map(segment).collect();
        Ok(Glob { segments: segments? })
    }

    /// Returns the progress before the first segment.
    pub fn start(&self) -> Progress {
        self.closed(vec![0])
    }

    /// Returns the progress after entering a directory; empty if nothing beneath it can match.
    pub fn enter(&self, progress: &[usize], dir: &str) -> Progress {
        let step = |&at: &usize| match self.segments.get(at)? {
            Segment::AnyDepth => Some(at),
            other => other.matches(dir).then_some(at + 1),
        };
        self.closed(progress.iter().filter_map(step).collect())
    }

    /// Whether a file of the current directory matches.
    pub fn accepts(&self, progress: &[usize], file: &str) -> bool {
        let last = self.segments.len() - 1;
        progress.iter().any(|&at| at == last && self.segments[at].matches(file))
    }

    /// Returns the name of the only entry that can lead to a match, if there is just one.
    pub fn only(&self, progress: &[usize]) -> Option<&str> {
        match progress {
            [at] => match self.segments.get(*at)? {
                Segment::Literal(name) => Some(name),
                Segment::AnyDepth | Segment::Name(_) => None,
            },
            _ => None,
        }
    }

    /// Whether a path matches.
    pub fn matches(&self, path: &str) -> bool {
        let (dirs, name) = path.rsplit_once('/').map_or((None, path), |(dirs, name)| (Some(dirs), name));
        let enter = |progress: Progress, dir: &str| self.enter(&progress, dir);
        let progress = dirs.into_iter().flat_map(|dirs| dirs.split('/')).fold(self.start(), enter);
        self.accepts(&progress, name)
    }

    /// Adds what follows a `**` that stands for no segment.
    fn closed(&self, mut progress: Progress) -> Progress {
        let mut next = 0;
        while next < progress.len() {
            let at = progress[next];
            if matches!(self.segments.get(at), Some(Segment::AnyDepth)) && !progress.contains(&(at + 1)) {
                progress.push(at + 1);
            }
            next += 1;
        }
        progress.retain(|at| *at < self.segments.len());
        progress.sort_unstable();
        progress.dedup();
        progress
    }
}

impl Segment {
    fn matches(&self, name: &str) -> bool {
        match self {
            Segment::AnyDepth => true,
            Segment::Literal(literal) => literal == name,
            Segment::Name(matcher) => matcher.is_match(name),
        }
    }
}

fn segment(text: &str) -> Result<Segment, String> {
    match text {
        "**" => Ok(Segment::AnyDepth),
        "" => Err("has an empty segment".to_owned()),
        "." | ".." => Err(format!("has a segment `{text}`; globs stay in the package")),
        literal if !is_glob(literal) => Ok(Segment::Literal(literal.to_owned())),
        wild if wild.contains("**") => Err("has `**` that is not a whole segment".to_owned()),
        wild => {
            let glob = GlobBuilder::new(wild).literal_separator(true).backslash_escape(true).build();
            let reason = |error: globset::Error| {
                let braces = error.kind().to_string();
                format!("cannot be parsed: {braces} (in `{wild}`; a group `{{a,b}}` lies within one segment)")
            };
            Ok(Segment::Name(glob.map_err(reason)?.compile_matcher()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(glob: &str, matching: &[&str], others: &[&str]) {
        let parsed = Glob::parse(glob).expect("a glob");
        for path in matching {
            assert!(parsed.matches(path), "{glob} matches {path}");
        }
        for path in others {
            assert!(!parsed.matches(path), "{glob} does not match {path}");
        }
    }

    #[test]
    fn stars_stay_in_a_segment_and_two_stars_do_not() {
        check("*.md", &["a.md", ".md"], &["a/b.md", "a.mdx"]);
        check("**", &["a", "a/b/c"], &[]);
        check("docs/**", &["docs/a", "docs/a/b"], &["docs", "doc/a"]);
        check("src/**/*.ts", &["src/a.ts", "src/a/b/c.ts"], &["a.ts", "src/a.tsx"]);
        check("**/test_*.py", &["test_a.py", "x/y/test_b.py"], &["x/atest_b.py"]);
        check("a/**/b/**/c", &["a/b/c", "a/x/b/y/z/c"], &["a/c", "a/b/d"]);
        check("{a,b}/[xy]?.txt", &["a/x1.txt", "b/y2.txt"], &["c/x1.txt", "a/z1.txt"]);
    }

    #[test]
    fn what_is_not_a_glob_is_refused() {
        for bad in ["/a/*", "a//*", "../*", "a/**b", "{a/b,c}/*", "[", "*/"] {
            assert!(Glob::parse(bad).is_err(), "{bad}");
        }
    }
}
