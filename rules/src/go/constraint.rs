//! For whom a file is built: `//go:build` lines, legacy `// +build` lines, and the suffixes of file names.
//! It knows the words of Go's platforms, not which packages there are.

/// The newest minor release whose tag (`go1.N`) is taken to be set. A toolchain of a later release sets more tags;
/// until this constant follows, files that want them count as not built, and their imports are not seen.
pub(crate) const NEWEST_RELEASE: u32 = 26;

/// Experiments that the toolchain of [`NEWEST_RELEASE`] has on by itself.
const EXPERIMENTS: [&str; 5] = ["dwarf5", "greenteagc", "randomizedheapbase64", "regabiargs", "regabiwrappers"];

/// Architectures on which arguments travel in registers.
const REGISTER_ABI: [&str; 7] = ["amd64", "arm64", "loong64", "ppc64", "ppc64le", "riscv64", "s390x"];

const KNOWN_OS: [&str; 18] = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "wasip1",
    "windows",
    "zos",
];

const UNIX_OS: [&str; 12] = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "linux",
    "netbsd",
    "openbsd",
    "solaris",
];

const KNOWN_ARCH: [&str; 24] = [
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "armbe",
    "arm64",
    "arm64be",
    "loong64",
    "mips",
    "mipsle",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "ppc",
    "ppc64",
    "ppc64le",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];

/// What a build is made for: decides which files count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct BuildContext {
    /// `GOOS`.
    pub os: String,
    /// `GOARCH`.
    pub arch: String,
    /// Whether `CGO_ENABLED=1`.
    pub cgo: super::Cgo,
    /// The tags of `-tags`, sorted.
    pub tags: Vec<String>,
}

/// A build constraint.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Constraint {
    /// There is none.
    #[default]
    Always,
    /// It is not well formed: the Go command refuses the file.
    Malformed,
    /// An expression.
    Expression(Expression),
}

/// An expression of tags.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Expression {
    /// A tag is set.
    Tag(String),
    /// The inner one is false.
    Not(Box<Expression>),
    /// All are true.
    All(Vec<Expression>),
    /// One is true.
    Any(Vec<Expression>),
}

impl BuildContext {
    /// Whether a tag is set.
    pub fn has(&self, tag: &str) -> bool {
        let implied = match &*self.os {
            "android" => "linux",
            "illumos" => "solaris",
            "ios" => "darwin",
            _ => "",
        };
        tag == self.os
            || tag == self.arch
            || tag == "gc"
            || (!implied.is_empty() && tag == implied)
            || (tag == "cgo" && self.cgo == super::Cgo::On)
            || (tag == "unix" && UNIX_OS.contains(&&*self.os))
            || self.tags.iter().any(|given| given == tag)
            || is_release(tag)
            || self.has_tool_tag(tag)
    }

    /// Whether the toolchain sets a tag by itself, for the lowest level of the architecture.
    fn has_tool_tag(&self, tag: &str) -> bool {
        match tag.strip_prefix("goexperiment.") {
            Some("dwarf5") if matches!(&*self.os, "aix" | "darwin" | "ios") => false,
            Some("regabiargs" | "regabiwrappers") if !REGISTER_ABI.contains(&&*self.arch) => false,
            Some(experiment) => EXPERIMENTS.contains(&experiment),
            None => matches!((&*self.arch, tag), ("amd64", "amd64.v1") | ("arm64", "arm64.v8.0")),
        }
    }

    /// Whether a constraint holds.
    pub fn allows(&self, constraint: &Constraint) -> bool {
        match constraint {
            Constraint::Always => true,
            Constraint::Malformed => false,
            Constraint::Expression(expression) => self.eval(expression),
        }
    }

    /// Whether a file name's suffixes (`_GOOS`, `_GOARCH`, `_GOOS_GOARCH`, before `_test`) allow it.
    pub fn allows_name(&self, name: &str) -> bool {
        let stem = name.split('.').next().unwrap_or_default();
        let Some(first) = stem.find('_') else { return true };
        // What lies before the first `_` never counts: `linux.go` is for everyone.
        let mut words: Vec<&str> = stem[first + 1..].split('_').collect();
        if words.last() == Some(&"test") {
            words.pop();
        }
        match words.as_slice() {
            [.., os, arch] if is_os(os) && is_arch(arch) => self.has(os) && self.has(arch),
            [.., last] if is_os(last) || is_arch(last) => self.has(last),
            _ => true,
        }
    }

    fn eval(&self, expression: &Expression) -> bool {
        match expression {
            Expression::Tag(tag) => self.has(tag),
            Expression::Not(inner) => !self.eval(inner),
            Expression::All(parts) => parts.iter().all(|part| self.eval(part)),
            Expression::Any(parts) => parts.iter().any(|part| self.eval(part)),
        }
    }
}

fn is_os(word: &str) -> bool {
    KNOWN_OS.contains(&word)
}

fn is_arch(word: &str) -> bool {
    KNOWN_ARCH.contains(&word)
}

fn is_release(tag: &str) -> bool {
    let minor = tag.strip_prefix("go1.").filter(|minor| !minor.starts_with(['0', '+']));
    minor.and_then(|minor| minor.parse().ok()).is_some_and(|minor: u32| minor <= NEWEST_RELEASE)
}

/// Returns the constraint in the comments at the head of a file: the `//go:build` line, else all `// +build` lines
/// that stand before a blank line.
pub(crate) fn of_header(source: &[u8]) -> Constraint {
    let header = Header::read(source);
    match header.go_build.as_slice() {
        [] => plus_build(header.before_last_blank),
        [line] => parse_go_build(line).map_or(Constraint::Malformed, Constraint::Expression),
        _ => Constraint::Malformed,
    }
}

/// The comments at the head of a file.
struct Header<'a> {
    /// The `//go:build` lines, of which only one is allowed.
    go_build: Vec<&'a str>,
    /// What lies before the last blank line among the leading `//` comments.
    before_last_blank: &'a [u8],
}

impl<'a> Header<'a> {
    fn read(source: &'a [u8]) -> Header<'a> {
        let mut header = Header { go_build: Vec::new(), before_last_blank: &source[..0] };
        let (mut only_line_comments, mut comment, mut end) = (true, Comment::Closed, 0);
        for line in source.split_inclusive(|byte| *byte == b'\n') {
            end += line.len();
            let line = line.trim_ascii();
            if line.is_empty() && only_line_comments {
                header.before_last_blank = &source[..end];
                continue;
            }
            only_line_comments &= line.starts_with(b"//");
            if comment == Comment::Closed
                && let Some(text) = go_build_line(line)
            {
                header.go_build.push(text);
            }
            match after_comments(line, comment) {
                Some(after) => comment = after,
                None => break,
            }
        }
        header
    }
}

/// Whether a `/*` is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comment {
    Open,
    Closed,
}

/// Walks over the comments of a line. Returns how it ends; `None` if it holds anything else.
fn after_comments(mut line: &[u8], mut comment: Comment) -> Option<Comment> {
    while !line.is_empty() {
        if comment == Comment::Open {
            let Some(end) = line.windows(2).position(|pair| pair == b"*/") else { return Some(comment) };
            comment = Comment::Closed;
            line = line[end + 2..].trim_ascii();
        } else if line.starts_with(b"//") {
            return Some(comment);
        } else if line.starts_with(b"/*") {
            comment = Comment::Open;
            line = &line[2..];
        } else {
            return None;
        }
    }
    Some(comment)
}

/// Returns the expression of a `//go:build` line.
fn go_build_line(line: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(line).ok()?.strip_prefix("//go:build")?;
    (text.is_empty() || text.starts_with(char::is_whitespace)).then(|| text.trim())
}

/// Returns the expression of a `// +build` line.
fn plus_build_line(line: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(line).ok()?.trim().strip_prefix("//")?.trim().strip_prefix("+build")?;
    (text.is_empty() || text.starts_with(char::is_whitespace)).then(|| text.trim())
}

/// Legacy lines: all lines hold, in a line one of the words, in a word all of what commas separate.
fn plus_build(head: &[u8]) -> Constraint {
    let lines: Vec<Expression> =
        head.split(|byte| *byte == b'\n').filter_map(plus_build_line).map(plus_build_words).collect();
    if lines.is_empty() { Constraint::Always } else { Constraint::Expression(Expression::All(lines)) }
}

fn plus_build_words(text: &str) -> Expression {
    let word = |word: &str| Expression::All(word.split(',').map(plus_build_literal).collect());
    Expression::Any(text.split_whitespace().map(word).collect())
}

/// A word that is no tag counts as the tag `ignore`, as in Go.
fn plus_build_literal(text: &str) -> Expression {
    let tag = |tag: &str| Expression::Tag(if is_tag(tag) { tag.to_owned() } else { "ignore".to_owned() });
    match text.strip_prefix('!') {
        Some(rest) if rest.is_empty() || rest.starts_with('!') => tag("ignore"),
        Some(rest) => Expression::Not(Box::new(tag(rest))),
        None => tag(text),
    }
}

fn is_tag(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_tag_char)
}

fn is_tag_char(c: char) -> bool {
    c.is_alphabetic() || c.is_numeric() || c == '_' || c == '.'
}

/// Parses the expression of a `//go:build` line; `None` if it is not well formed.
fn parse_go_build(text: &str) -> Option<Expression> {
    let mut parser = Parser { rest: text };
    let expression = parser.any()?;
    parser.skip_space();
    parser.rest.is_empty().then_some(expression)
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn any(&mut self) -> Option<Expression> {
        let mut parts = vec![self.all()?];
        while self.eat("||") {
            parts.push(self.all()?);
        }
        Some(single_or(parts, Expression::Any))
    }

    fn all(&mut self) -> Option<Expression> {
        let mut parts = vec![self.not()?];
        while self.eat("&&") {
            parts.push(self.not()?);
        }
        Some(single_or(parts, Expression::All))
    }

    fn not(&mut self) -> Option<Expression> {
        if !self.eat("!") {
            return self.atom();
        }
        self.skip_space();
        // Go refuses a double negation.
        if self.rest.starts_with('!') { None } else { Some(Expression::Not(Box::new(self.atom()?))) }
    }

    fn atom(&mut self) -> Option<Expression> {
        if self.eat("(") {
            let inner = self.any()?;
            return self.eat(")").then_some(inner);
        }
        let end = self.rest.find(|c| !is_tag_char(c)).unwrap_or(self.rest.len());
        let (tag, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!tag.is_empty()).then(|| Expression::Tag(tag.to_owned()))
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip_space();
        let Some(rest) = self.rest.strip_prefix(token) else { return false };
        self.rest = rest;
        true
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }
}

fn single_or(mut parts: Vec<Expression>, many: impl Fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.len() {
        1 => parts.remove(0),
        _ => many(parts),
    }
}
