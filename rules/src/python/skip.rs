//! Skips what lies between the statements of a Python file: strings with what is nested in them, comments, brackets,
//! joined lines. It knows no statement.

/// Whether space includes the end of a line, as it does inside brackets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stop {
    /// Space ends with the line.
    AtLine,
    /// Space goes on over lines and comments.
    Never,
}

/// Returns where the next statement may begin: after the line, after `;`, or after the `:` of a compound statement.
pub(super) fn statement(source: &[u8], mut at: usize) -> usize {
    let mut depth = 0usize;
    while let Some(&byte) = source.get(at) {
        match byte {
            byte if !IS_MARK[usize::from(byte)] => at += 1,
            b'\'' | b'"' => at = string(source, at, NESTED),
            b'#' => at = line_end(source, at),
            b'\\' => at = escaped(source, at),
            b'(' | b'[' | b'{' => (at, depth) = (at + 1, depth + 1),
            b')' | b']' | b'}' => (at, depth) = (at + 1, depth.saturating_sub(1)),
            _ if depth > 0 => at += 1,
            _ => return at + 1,
        }
    }
    at
}

/// The bytes that [`statement`] looks at; all others are passed over.
static IS_MARK: [bool; 256] = {
    let mut marks = [false; 256];
    let bytes = b"'\"#\\()[]{}\n\r;:";
    let mut at = 0;
    while at < bytes.len() {
        marks[bytes[at] as usize] = true;
        at += 1;
    }
    marks
};

/// Returns the end of the space at a place.
pub(super) fn space(source: &[u8], mut at: usize, lines: Stop) -> usize {
    while let Some(&byte) = source.get(at) {
        at = match byte {
            b' ' | b'\t' | b'\x0c' => at + 1,
            b'\\' if matches!(source.get(at + 1), Some(b'\n' | b'\r')) => escaped(source, at),
            b'\n' | b'\r' if lines == Stop::Never => at + 1,
            b'#' if lines == Stop::Never => line_end(source, at),
            _ => return at,
        };
    }
    at
}

/// Whether a byte may be inside a word: all of a letter beyond ASCII are, whatever the encoding.
pub(super) fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn line_end(source: &[u8], at: usize) -> usize {
    let rest = &source[at..];
    at + rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len())
}

/// Returns what follows a backslash and the byte after it; the end of a line counts as one.
fn escaped(source: &[u8], at: usize) -> usize {
    let end = if source[at..].starts_with(b"\\\r\n") { at + 3 } else { at + 2 };
    end.min(source.len())
}

/// How a string ends, and what its backslashes and braces mean.
#[derive(Clone, Copy)]
struct Quote {
    quote: u8,
    length: usize,
    is_raw: bool,
}

/// How deep strings and their fields nest; Python allows 150 of them.
const NESTED: u32 = 160;

/// Returns the end of a string that begins, after its prefix, at a place.
fn string(source: &[u8], at: usize, nested: u32) -> usize {
    let quote = source[at];
    let length = if source[at..].starts_with(&[quote; 3]) { 3 } else { 1 };
    let prefix = prefix(&source[..at]);
    let has = |letters: &[u8]| prefix.iter().any(|byte| letters.contains(&byte.to_ascii_lowercase()));
    let kind = Quote { quote, length, is_raw: has(b"r") };
    if has(b"ft") { formatted(source, at + length, kind, nested) } else { plain(source, at + length, kind) }
}

/// Returns the letters that make a string raw, formatted or bytes.
fn prefix(before: &[u8]) -> &[u8] {
    let word = before.iter().rev().take(3).take_while(|byte| in_word(**byte)).count();
    let word = &before[before.len() - word..];
    let is_prefix = word.len() < 3 && word.iter().all(|byte| b"rbuft".contains(&byte.to_ascii_lowercase()));
    if is_prefix { word } else { &[] }
}

impl Quote {
    /// Whether the string ends at a place: with its quotes, or with the line if it may not go on.
    fn ends(self, source: &[u8], at: usize) -> bool {
        let rest = &source[at..];
        match self.length {
            1 => matches!(rest.first(), Some(byte) if *byte == self.quote || matches!(byte, b'\n' | b'\r')),
            _ => rest.starts_with(&[self.quote; 3]),
        }
    }

    /// Returns what follows the end of the string.
    fn after(self, source: &[u8], at: usize) -> usize {
        if source[at] == self.quote { at + self.length } else { at }
    }
}

/// Returns the end of a string without fields.
fn plain(source: &[u8], mut at: usize, kind: Quote) -> usize {
    while let Some(&byte) = source.get(at) {
        at = match byte {
            b'\\' => escaped(source, at),
            b'\n' | b'\r' | b'\'' | b'"' if kind.ends(source, at) => return kind.after(source, at),
            _ => at + 1,
        };
    }
    at
}

/// Returns the end of a string with fields in braces.
fn formatted(source: &[u8], mut at: usize, kind: Quote, nested: u32) -> usize {
    while let Some(&byte) = source.get(at) {
        at = match byte {
            b'\\' => escaped_in_formatted(source, at, kind),
            b'\n' | b'\r' | b'\'' | b'"' if kind.ends(source, at) => return kind.after(source, at),
            b'{' if source.get(at + 1) == Some(&b'{') => at + 2,
            b'{' => field(source, at + 1, kind, nested),
            _ => at + 1,
        };
    }
    at
}

/// A backslash does not escape a brace; the braces of a named character, `\N{DASH}`, are no field.
fn escaped_in_formatted(source: &[u8], at: usize, kind: Quote) -> usize {
    match source.get(at + 1) {
        Some(b'{' | b'}') => at + 1,
        Some(b'N') if !kind.is_raw && source.get(at + 2) == Some(&b'{') => at + 3,
        _ => escaped(source, at),
    }
}

/// Returns the end of a field, which begins after its brace: an expression, then perhaps `:` and a format.
fn field(source: &[u8], mut at: usize, kind: Quote, nested: u32) -> usize {
    let mut depth = 0usize;
    while let Some(&byte) = source.get(at).filter(|_| nested > 0) {
        match byte {
            b'\'' | b'"' => at = string(source, at, nested - 1),
            b'#' => at = line_end(source, at),
            b'(' | b'[' | b'{' => (at, depth) = (at + 1, depth + 1),
            b'}' if depth == 0 => return at + 1,
            b')' | b']' | b'}' => (at, depth) = (at + 1, depth.saturating_sub(1)),
            b':' if depth == 0 => return format(source, at + 1, kind, nested - 1),
            _ => at += 1,
        }
    }
    at
}

/// Returns the end of a field from its format on, which is text with fields of its own.
fn format(source: &[u8], mut at: usize, kind: Quote, nested: u32) -> usize {
    while let Some(&byte) = source.get(at) {
        at = match byte {
            b'}' => return at + 1,
            b'{' => field(source, at + 1, kind, nested),
            b'\\' => escaped_in_formatted(source, at, kind),
            b'\n' | b'\r' | b'\'' | b'"' if kind.ends(source, at) => return at,
            _ => at + 1,
        };
    }
    at
}
