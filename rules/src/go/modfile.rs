//! go.mod and go.work: one syntax, two meanings. Pure text in, a value out; what is not understood is kept as a problem
//! with its place. It does not know which modules exist.

use std::ops::Range;

use super::scan::{Spanned, unquote};

/// A go.mod file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct ModFile {
    /// The module's path.
    pub module: Option<Spanned>,
    /// The language version: `1.24.0`.
    pub go: Option<String>,
    /// The modules it requires.
    pub requires: Vec<Require>,
    /// What stands for what.
    pub replaces: Vec<Replace>,
    /// Directories that `./...` leaves out: `./x` from the module, `x` at any depth.
    pub ignores: Vec<String>,
    /// The file without comments and blank lines, but for `// indirect`: what a build is shown of it.
    pub plain: String,
    /// Lines that are not understood.
    pub problems: Vec<Problem>,
}

/// A go.work file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct WorkFile {
    /// The directories of its modules, from its own.
    pub uses: Vec<Spanned>,
    /// What stands for what.
    pub replaces: Vec<Replace>,
    /// The file without comments and blank lines: what a build is shown of it.
    pub plain: String,
    /// Lines that are not understood.
    pub problems: Vec<Problem>,
}

/// A required module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Require {
    /// The module's path.
    pub path: String,
    /// Its version.
    pub version: String,
    /// Where the line is.
    pub span: Range<usize>,
}

/// A replaced module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Replace {
    /// The module's path.
    pub path: String,
    /// The version that is replaced; `None` for all.
    pub version: Option<String>,
    /// What stands for it.
    pub with: Replacement,
    /// Where the line is.
    pub span: Range<usize>,
}

impl Replace {
    /// Whether it stands for a version of a module.
    pub fn covers(&self, path: &str, version: &str) -> bool {
        self.path == path && self.version.as_deref().is_none_or(|replaced| replaced == version)
    }
}

/// What stands for a replaced module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Replacement {
    /// A directory, from that of the file that says so.
    Directory(String),
    /// Another module.
    Module {
        /// Its path.
        path: String,
        /// Its version.
        version: String,
    },
}

/// A line that is not understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Problem {
    /// What is wrong.
    pub message: String,
    /// Where.
    pub span: Range<usize>,
}

/// One line: its verb, which a block gives to all its lines, and its words.
struct Line {
    verb: String,
    words: Vec<Spanned>,
    indirect: bool,
    span: Range<usize>,
}

impl ModFile {
    /// Parses a go.mod file.
    pub fn parse(text: &str) -> ModFile {
        let (lines, problems) = lines(text);
        let mut file = ModFile { plain: plain(&lines), problems, ..ModFile::default() };
        for line in &lines {
            let words: Vec<&str> = line.words.iter().map(|word| &*word.text).collect();
            match (&*line.verb, words.as_slice()) {
                ("module", [_]) => file.module = line.words.first().cloned(),
                ("go", [version]) => file.go = Some((*version).to_owned()),
                ("require", [path, version]) => file.requires.push(require(path, version, line)),
                ("replace", words) => push(replace(words, line), &mut file.replaces, &mut file.problems),
                ("ignore", [dir]) => file.ignores.push((*dir).to_owned()),
                ("exclude" | "retract" | "toolchain" | "godebug" | "tool", _) => {}
                _ => file.problems.push(not_understood(line, "go.mod")),
            }
        }
        file
    }

    /// Whether the file lists all modules that its packages reach, as it does from Go 1.17 on.
    pub fn lists_all_modules(&self) -> bool {
        let mut numbers = self.go.as_deref().unwrap_or("1.16").split('.').map_while(|part| part.parse().ok());
        let version: (u32, u32) = (numbers.next().unwrap_or(1), numbers.next().unwrap_or(0));
        version >= (1, 17)
    }
}

impl WorkFile {
    /// Parses a go.work file.
    pub fn parse(text: &str) -> WorkFile {
        let (lines, problems) = lines(text);
        let mut file = WorkFile { plain: plain(&lines), problems, ..WorkFile::default() };
        for line in &lines {
            let words: Vec<&str> = line.words.iter().map(|word| &*word.text).collect();
            match (&*line.verb, words.as_slice()) {
                ("use", [_]) => file.uses.extend(line.words.first().cloned()),
                ("replace", words) => push(replace(words, line), &mut file.replaces, &mut file.problems),
                ("go" | "toolchain" | "godebug", _) => {}
                _ => file.problems.push(not_understood(line, "go.work")),
            }
        }
        file
    }
}

fn push<T>(parsed: Result<T, Problem>, good: &mut Vec<T>, bad: &mut Vec<Problem>) {
    match parsed {
        Ok(value) => good.push(value),
        Err(problem) => bad.push(problem),
    }
}

fn require(path: &str, version: &str, line: &Line) -> Require {
    Require { path: path.to_owned(), version: version.to_owned(), span: line.span.clone() }
}

fn replace(words: &[&str], line: &Line) -> Result<Replace, Problem> {
    let arrow = words.iter().position(|word| *word == "=>");
    let (old, new) = match arrow {
        Some(at) => (&words[..at], &words[at + 1..]),
        None => (&words[..0], words),
    };
    let (path, version) = match old {
        [path] => (*path, None),
        [path, version] => (*path, Some((*version).to_owned())),
        _ => return Err(bad_replace(line)),
    };
    let with = match new {
        [dir] if is_directory(dir) => Replacement::Directory((*dir).to_owned()),
        [path, version] => Replacement::Module { path: (*path).to_owned(), version: (*version).to_owned() },
        _ => return Err(bad_replace(line)),
    };
    Ok(Replace { path: path.to_owned(), version, with, span: line.span.clone() })
}

fn is_directory(text: &str) -> bool {
    text == "." || text == ".." || text.starts_with("./") || text.starts_with("../") || text.starts_with('/')
}

fn bad_replace(line: &Line) -> Problem {
    let message = "a replace line is `replace MODULE [VERSION] => DIRECTORY` or `… => MODULE VERSION`".to_owned();
    Problem { message, span: line.span.clone() }
}

fn not_understood(line: &Line, file: &str) -> Problem {
    Problem { message: format!("{file} has a `{}` line that is not understood", line.verb), span: line.span.clone() }
}

/// Splits a file into its lines with words; blocks are flattened.
fn lines(text: &str) -> (Vec<Line>, Vec<Problem>) {
    let (mut lines, mut problems) = (Vec::new(), Vec::new());
    let mut block: Option<Spanned> = None;
    let mut start = 0;
    for raw in text.split_inclusive('\n') {
        let (words, comment) = words(raw, start, &mut problems);
        start += raw.len();
        let (Some(first), Some(last)) = (words.first().cloned(), words.last().cloned()) else { continue };
        let span = first.span.start..last.span.end;
        let indirect = comment.trim().split(';').next().unwrap_or_default().trim() == "indirect";
        match &block {
            Some(_) if first.text == ")" => block = None,
            Some(verb) => lines.push(Line { verb: verb.text.clone(), words, indirect, span }),
            None if words.len() == 2 && last.text == "(" => block = Some(Spanned { span, ..first }),
            None if words.len() == 3 && words[1].text == "(" && last.text == ")" => {}
            None => lines.push(Line { verb: first.text, words: words[1..].to_vec(), indirect, span }),
        }
    }
    if let Some(open) = block {
        problems.push(Problem { message: format!("the block `{} (` has no end", open.text), span: open.span });
    }
    (lines, problems)
}

/// Splits one line into words and the comment after them.
fn words<'a>(raw: &'a str, start: usize, problems: &mut Vec<Problem>) -> (Vec<Spanned>, &'a str) {
    let mut words = Vec::new();
    let mut at = 0;
    loop {
        at += raw[at..].len() - raw[at..].trim_start().len();
        let rest = &raw[at..];
        if rest.is_empty() || rest.starts_with("//") {
            return (words, rest.trim_start_matches('/'));
        }
        let end = at + word_length(rest);
        let span = start + at..start + end;
        match word_value(&raw[at..end]) {
            Some(text) => words.push(Spanned { text, span }),
            None => problems.push(Problem { message: "a quoted word has no end".to_owned(), span }),
        }
        at = end;
    }
}

fn word_length(rest: &str) -> usize {
    if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '`')) {
        return rest[1..].find(quote).map_or(rest.trim_end().len(), |end| end + 2);
    }
    if rest.starts_with(['(', ')', '[', ']', ',']) {
        return 1;
    }
    let stops = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']' | ',');
    let end = rest.find(stops).unwrap_or(rest.len());
    // A comment may follow a word without a space.
    rest[..end].find("//").filter(|at| *at > 0).unwrap_or(end)
}

fn word_value(word: &str) -> Option<String> {
    if word.starts_with(['"', '`']) { unquote(word) } else { Some(word.to_owned()) }
}

fn plain(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(&line.verb);
        for word in &line.words {
            text.push(' ');
            text.push_str(&quoted(&word.text));
        }
        text.push_str(if line.indirect { " // indirect\n" } else { "\n" });
    }
    text
}

/// Quotes a word that is not one without quotes.
fn quoted(word: &str) -> String {
    let is_mark = matches!(word, "(" | ")" | "[" | "]" | "," | "=>");
    let bad = |c: char| c.is_whitespace() || "\"`()[],".contains(c);
    let plain = is_mark || (!word.is_empty() && !word.contains(bad) && !word.contains("//"));
    if plain { word.to_owned() } else { format!("{word:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOD: &str = "// a comment\nmodule \"example.org/m\" // why\n\ngo 1.24.0\ntoolchain go1.26.1\n\nrequire example.org/a v1.0.0\nrequire (\n\texample.org/b v0.0.0-20200101000000-abcdefabcdef // indirect\n\t`example.org/c` v2.0.0+incompatible// x\n)\n\nreplace example.org/a => ../a\nreplace (\n\texample.org/b v1.0.0 => example.org/bb v1.2.3\n)\nexclude example.org/a v0.9.0\nretract [v1.0.0, v1.1.0] // bad\nignore ./web\nnonsense 1\n";

    #[test]
    fn a_go_mod_file_is_read_with_blocks_quotes_and_comments() {
        let file = ModFile::parse(MOD);
        assert_eq!(file.module.as_ref().unwrap().text, "example.org/m");
        assert_eq!(file.go.as_deref(), Some("1.24.0"));
        let requires: Vec<String> = file.requires.iter().map(|r| format!("{} {}", r.path, r.version)).collect();
        assert_eq!(
            requires,
            [
                "example.org/a v1.0.0",
                "example.org/b v0.0.0-20200101000000-abcdefabcdef",
                "example.org/c v2.0.0+incompatible"
            ]
        );
        assert_eq!(file.replaces[0].with, Replacement::Directory("../a".to_owned()));
        assert_eq!(file.replaces[1].version.as_deref(), Some("v1.0.0"));
        assert_eq!(file.ignores, ["./web"]);
        assert_eq!(file.problems.len(), 1);
        assert_eq!(&MOD[file.problems[0].span.clone()], "nonsense 1");
    }

    #[test]
    fn comments_do_not_reach_a_build_but_indirect_does() {
        assert_eq!(
            ModFile::parse(MOD).plain,
            "module example.org/m\ngo 1.24.0\ntoolchain go1.26.1\nrequire example.org/a v1.0.0\nrequire example.org/b v0.0.0-20200101000000-abcdefabcdef // indirect\nrequire example.org/c v2.0.0+incompatible\nreplace example.org/a => ../a\nreplace example.org/b v1.0.0 => example.org/bb v1.2.3\nexclude example.org/a v0.9.0\nretract [ v1.0.0 , v1.1.0 ]\nignore ./web\nnonsense 1\n"
        );
    }

    #[test]
    fn a_go_work_file_is_read() {
        let file = WorkFile::parse("go 1.24\nuse ./a\nuse (\n\t./b // second\n\t.\n)\nreplace x.org/y => ./y\n");
        let uses: Vec<&str> = file.uses.iter().map(|dir| &*dir.text).collect();
        assert_eq!(uses, ["./a", "./b", "."]);
        assert_eq!(file.replaces.len(), 1);
        assert_eq!(file.problems, []);
        let open = WorkFile::parse("go 1.24\nuse (\n\t./a\n");
        assert_eq!(open.problems, [Problem { message: "the block `use (` has no end".to_owned(), span: 8..13 }]);
    }
}
