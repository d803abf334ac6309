//! Finds the import statements of a Python file, wherever they stand. Pure text in, values out; it does not know which
//! modules exist.
//!
//! Follows Python's tokenizer as far as strings, comments, brackets and lines go; a test holds it against Python's
//! `ast` on the standard library.

use std::ops::Range;

use super::skip::{self, Stop};

/// One imported module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Import {
    /// How many dots stand before the module: none for an absolute import.
    pub level: usize,
    /// The module, `a.b`; empty in `from . import a`.
    pub module: String,
    /// What is taken out of it, `*` kept; none for `import a`.
    pub names: Vec<String>,
    /// Where the module is written, with its dots.
    pub span: Range<usize>,
}

/// Scans a Python file. What is not Python gives what was understood: the interpreter reports the rest.
pub(crate) fn scan(source: &[u8]) -> Vec<Import> {
    let mut imports = Vec::new();
    let at = if source.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut cursor = Cursor { source, at };
    while cursor.at < source.len() {
        cursor.statement(&mut imports);
        cursor.at = skip::statement(source, cursor.at);
    }
    imports
}

/// A place in a source file, between tokens.
struct Cursor<'a> {
    source: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Takes what begins a statement: an import, or any other word.
    fn statement(&mut self, imports: &mut Vec<Import>) {
        self.space(Stop::AtLine);
        match self.word() {
            Some(b"import") => self.import(imports),
            Some(b"from") => imports.extend(self.import_from()),
            // `lazy import a`, from Python 3.15 on.
            Some(b"lazy") => {
                let before = self.at;
                self.space(Stop::AtLine);
                match self.word() {
                    Some(b"import") => self.import(imports),
                    Some(b"from") => imports.extend(self.import_from()),
                    _ => self.at = before,
                }
            }
            _ => {}
        }
    }

    /// `import a.b as c, d`, after its first word.
    fn import(&mut self, imports: &mut Vec<Import>) {
        loop {
            let Some((module, span)) = self.dotted() else { return };
            imports.push(Import { level: 0, module, names: Vec::new(), span });
            self.alias(Stop::AtLine);
            if !self.eat(b',', Stop::AtLine) {
                return;
            }
        }
    }

    /// `from ..a import b as c, d`, after its first word.
    fn import_from(&mut self) -> Option<Import> {
        self.space(Stop::AtLine);
        let start = self.at;
        let mut end = start;
        let mut level = 0;
        while self.eat(b'.', Stop::AtLine) {
            level += 1;
            end = self.at;
        }
        let before = self.at;
        let (module, span) = match self.dotted() {
            // The word `import` is no module: that of `from . import a`.
            Some((word, _)) if level > 0 && word == "import" => {
                self.at = before;
                (String::new(), start..end)
            }
            Some((module, span)) => (module, start..span.end),
            None => return None,
        };
        self.space(Stop::AtLine);
        if self.word() != Some(b"import") {
            return None;
        }
        let names = self.names();
        (!names.is_empty()).then_some(Import { level, module, names, span })
    }

    /// What is taken out of a module: `*`, or names, which may stand in parentheses and then on several lines.
    fn names(&mut self) -> Vec<String> {
        if self.eat(b'*', Stop::AtLine) {
            return vec!["*".to_owned()];
        }
        let lines = if self.eat(b'(', Stop::AtLine) { Stop::Never } else { Stop::AtLine };
        let mut names = Vec::new();
        loop {
            self.space(lines);
            let Some(name) = self.word() else { return self.closed(lines, names) };
            names.push(text(name));
            self.alias(lines);
            if !self.eat(b',', lines) {
                return self.closed(lines, names);
            }
        }
    }

    /// Takes the parenthesis that ends the names, so that what follows it is not inside.
    fn closed(&mut self, lines: Stop, names: Vec<String>) -> Vec<String> {
        if lines == Stop::Never {
            self.eat(b')', lines);
        }
        names
    }

    fn alias(&mut self, lines: Stop) {
        let before = self.at;
        self.space(lines);
        if self.word() == Some(b"as") {
            self.space(lines);
            self.word();
        } else {
            self.at = before;
        }
    }

    /// A dotted name; space is allowed around its dots.
    fn dotted(&mut self) -> Option<(String, Range<usize>)> {
        self.space(Stop::AtLine);
        let start = self.at;
        let mut name = text(self.word()?);
        loop {
            let end = self.at;
            if !self.eat(b'.', Stop::AtLine) {
                self.at = end;
                return Some((name, start..end));
            }
            self.space(Stop::AtLine);
            name.push('.');
            name.push_str(&text(self.word()?));
        }
    }

    fn space(&mut self, lines: Stop) {
        self.at = skip::space(self.source, self.at, lines);
    }

    fn word(&mut self) -> Option<&'a [u8]> {
        let rest = &self.source[self.at..];
        if rest.first().is_none_or(u8::is_ascii_digit) {
            return None;
        }
        let length = rest.iter().take_while(|byte| skip::in_word(**byte)).count();
        self.at += length;
        (length > 0).then(|| &rest[..length])
    }

    fn eat(&mut self, byte: u8, lines: Stop) -> bool {
        self.space(lines);
        let here = self.source.get(self.at) == Some(&byte);
        self.at += usize::from(here);
        here
    }
}

fn text(word: &[u8]) -> String {
    String::from_utf8_lossy(word).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, want: &[&str]) {
        let shown = |import: &Import| {
            let written: String = source[import.span.clone()].split_whitespace().collect();
            assert_eq!(written, format!("{}{}", ".".repeat(import.level), import.module), "{source}");
            format!("{written} {}", import.names.join(",")).trim_end().to_owned()
        };
        assert_eq!(scan(source.as_bytes()).iter().map(shown).collect::<Vec<_>>(), want, "{source}");
    }

    #[test]
    fn imports_are_found_with_their_places() {
        check(
            "import a.b as c, d\nfrom . import x\nfrom ..p.q import (y as z, # why\n  w,)\n",
            &["a.b", "d", ". x", "..p.q y,w"],
        );
        check("if t: import a; import b\nelse: from c import *", &["a", "b", "c *"]);
        check("from a \\\n import b\nraise X \\\nfrom y\nyield from z\n", &["a b"]);
        check("x = '''\nimport a\n''' + f\"{x[\"\"\"import b\"\"\"]}\"; import c # import d\n", &["c"]);
        check("\u{feff}import a . b\r\nimporter\nimport_ = (\nimport\n)\nlazy import c", &["a.b", "c"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_scanner_panic(words in proptest::collection::vec(0usize..WORDS.len(), 0..40)) {
            scan(words.into_iter().map(|at| WORDS[at]).collect::<String>().as_bytes());
        }
    }

    const WORDS: &[&str] = &[
        "import", "from", " ", "a", ".", ",", "(", ")", "*", "\\", "\n", "\r", "#", "'", "\"", "'''", "f\"", "{", "}",
        ":", ";", "[", "as ", "é", "\\N{", "rb'", "!r", "lazy ", "\0", "\u{c}",
    ];
}
