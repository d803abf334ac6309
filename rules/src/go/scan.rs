//! Reads what the Go command reads of a source file before it compiles it: package name, imports, embed patterns and
//! the build constraint. Pure text in, a value out; it does not know platforms, packages or other files.
//!
//! Follows `go/build` (`read.go`, `build.go`), file by file; a test holds the two against each other.

use std::ops::Range;

use super::constraint::{self, Constraint};

/// What a source file says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct GoFile {
    /// The name in the package clause; empty if the file does not begin like a Go file.
    pub package: String,
    /// The imports, in the order of the file.
    pub imports: Vec<Spanned>,
    /// The patterns of `//go:embed`; none unless the file imports `embed`.
    pub embeds: Vec<Spanned>,
    /// For whom it is built.
    pub constraint: Constraint,
}

/// A text and where it lies in its file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Spanned {
    /// The text, without quotes.
    pub text: String,
    /// The bytes of it, with quotes.
    pub span: Range<usize>,
}

impl GoFile {
    /// Whether the file imports a package.
    pub fn imports(&self, path: &str) -> bool {
        self.imports.iter().any(|import| import.text == path)
    }
}

/// Scans a Go file. What is not Go gives what was understood until then: the compiler reports the rest.
pub(crate) fn scan(source: &[u8]) -> GoFile {
    let mut file = GoFile { constraint: constraint::of_header(source), ..GoFile::default() };
    let mut cursor = Cursor::new(source);
    if cursor.word() != Some("package") {
        return file;
    }
    file.package = cursor.word().unwrap_or_default().to_owned();
    scan_imports(&mut cursor, &mut file.imports);
    if file.imports("embed") {
        file.embeds = scan_embeds(source);
    }
    file
}

fn scan_imports(cursor: &mut Cursor, imports: &mut Vec<Spanned>) {
    while cursor.peek_word() == Some("import") {
        cursor.word();
        if !cursor.eat(b'(') {
            imports.extend(scan_import(cursor));
            continue;
        }
        while !cursor.eat(b')') {
            match scan_import(cursor) {
                Some(import) => imports.push(import),
                None => return,
            }
        }
    }
}

/// One import: an optional name, `.` or `_`, then the path.
fn scan_import(cursor: &mut Cursor) -> Option<Spanned> {
    if !cursor.eat(b'.') && !cursor.at_string() {
        cursor.word()?;
    }
    cursor.string()
}

/// All `//go:embed` comments of a file, wherever they stand. A line that is not well formed gives nothing.
fn scan_embeds(source: &[u8]) -> Vec<Spanned> {
    let mut embeds = Vec::new();
    let mut at = 0;
    while at < source.len() {
        let next = skip_token(source, at);
        if source[at..next].starts_with(b"//go:embed") {
            embeds.extend(embed_arguments(&source[at..next], at).unwrap_or_default());
        }
        at = next;
    }
    embeds
}

/// Splits the arguments of one embed comment, which begins at `offset`.
fn embed_arguments(comment: &[u8], offset: usize) -> Option<Vec<Spanned>> {
    let text = std::str::from_utf8(comment).ok()?.trim_end();
    let arguments = text.strip_prefix("//go:embed")?;
    if !arguments.starts_with(char::is_whitespace) {
        return None;
    }
    let mut patterns = Vec::new();
    let mut rest = arguments.trim_start();
    while !rest.is_empty() {
        let start = offset + text.len() - rest.len();
        let (pattern, length) = embed_argument(rest)?;
        rest = &rest[length..];
        if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
            return None;
        }
        patterns.push(Spanned { text: pattern, span: start..start + length });
        rest = rest.trim_start();
    }
    Some(patterns)
}

/// Returns the first argument, unquoted, and its length as written.
fn embed_argument(text: &str) -> Option<(String, usize)> {
    if text.starts_with(['"', '`']) {
        let end = end_of_string(text.as_bytes(), 0)?;
        return Some((unquote(&text[..end])?, end));
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    Some((text[..end].to_owned(), end))
}

/// Returns the end of the token, comment or run of other bytes that begins at `at`.
fn skip_token(source: &[u8], at: usize) -> usize {
    match source[at] {
        b'/' if source[at..].starts_with(b"//") => find(source, at, b"\n").unwrap_or(source.len()),
        b'/' if source[at..].starts_with(b"/*") => find(source, at + 2, b"*/").map_or(source.len(), |end| end + 2),
        b'"' | b'`' => end_of_string(source, at).unwrap_or(at + 1),
        b'\'' => end_of_quoted(source, at, b'\'').unwrap_or(at + 1),
        _ => at + 1,
    }
}

/// Returns the end of a string that begins at `at`; `None` if it has none.
fn end_of_string(source: &[u8], at: usize) -> Option<usize> {
    match source[at] {
        b'`' => find(source, at + 1, b"`").map(|end| end + 1),
        quote => end_of_quoted(source, at, quote),
    }
}

fn end_of_quoted(source: &[u8], at: usize, quote: u8) -> Option<usize> {
    let mut end = at + 1;
    while end < source.len() {
        match source[end] {
            b'\n' => return None,
            b'\\' => end += 2,
            byte if byte == quote => return Some(end + 1),
            _ => end += 1,
        }
    }
    None
}

fn find(source: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    source[from..].windows(what.len()).position(|window| window == what).map(|at| from + at)
}

/// Returns the value of a Go string, raw or interpreted.
pub(crate) fn unquote(text: &str) -> Option<String> {
    if let Some(raw) = text.strip_prefix('`') {
        return raw.strip_suffix('`').map(|raw| raw.replace('\r', ""));
    }
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut value = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        value.push(if c == '\\' { unescape(&mut chars)? } else { c });
    }
    Some(value)
}

/// Returns the character of an escape, after its backslash. Bytes beyond ASCII (`\xff`) are in no path that exists.
fn unescape(chars: &mut std::str::Chars) -> Option<char> {
    let plain = match chars.next()? {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '\\' => '\\',
        '"' => '"',
        'x' => return escaped_number(chars, 2, 16).filter(char::is_ascii),
        'u' => return escaped_number(chars, 4, 16),
        'U' => return escaped_number(chars, 8, 16),
        digit @ '0'..='7' => {
            let low = escaped_number(chars, 2, 8)?;
            return char::from_u32(digit.to_digit(8)? * 64 + u32::from(low)).filter(char::is_ascii);
        }
        _ => return None,
    };
    Some(plain)
}

fn escaped_number(chars: &mut std::str::Chars, digits: usize, radix: u32) -> Option<char> {
    let text: String = chars.by_ref().take(digits).collect();
    char::from_u32(u32::from_str_radix(&text, radix).ok()?)
}

/// A place in a source file, between tokens of its head.
struct Cursor<'a> {
    source: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn new(source: &'a [u8]) -> Cursor<'a> {
        let at = if source.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Cursor { source, at }
    }

    /// Skips space, semicolons and comments, as the Go command does between the tokens of a file's head.
    fn skip_space(&mut self) {
        while let Some(byte) = self.source.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b'\x0c' | b';' => self.at += 1,
                b'/' if matches!(self.source.get(self.at + 1), Some(b'/' | b'*')) => {
                    self.at = skip_token(self.source, self.at);
                }
                _ => return,
            }
        }
    }

    /// Takes a word: letters, digits, `_` and every byte that is not ASCII.
    fn word(&mut self) -> Option<&'a str> {
        let word = self.peek_word()?;
        self.at += word.len();
        Some(word)
    }

    fn peek_word(&mut self) -> Option<&'a str> {
        self.skip_space();
        let rest = &self.source[self.at..];
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
        let end = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        std::str::from_utf8(&rest[..end]).ok().filter(|word| !word.is_empty())
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.skip_space();
        let here = self.source.get(self.at) == Some(&byte);
        self.at += usize::from(here);
        here
    }

    fn at_string(&mut self) -> bool {
        self.skip_space();
        matches!(self.source.get(self.at), Some(b'"' | b'`'))
    }

    fn string(&mut self) -> Option<Spanned> {
        if !self.at_string() {
            return None;
        }
        let end = end_of_string(self.source, self.at)?;
        let span = self.at..end;
        self.at = end;
        let text = unquote(std::str::from_utf8(&self.source[span.clone()]).ok()?)?;
        Some(Spanned { text, span })
    }
}
