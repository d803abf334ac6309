//! Makes text safe for a terminal: what comes from files, logs and names must not move the cursor or hide itself.
//! Does not know where the text goes, nor whether colours are wanted.

use std::borrow::Cow;

/// The byte by which Go's test programs mark the lines that are meant for `test2json`.
pub const TEST2JSON_MARK: char = '\u{16}';

/// Returns `text` with every control character spelt out, line breaks too.
pub fn name(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().fold(String::with_capacity(text.len() + 8), |mut shown, c| {
        push_shown(&mut shown, c);
        shown
    }))
}

/// Returns `text` with every control character spelt out, but line breaks and tabs.
pub fn lines(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || c == '\t' { shown.push(c) } else { push_shown(&mut shown, c) }
    }
    shown
}

/// Returns a program's log for people: colours are kept, marks of `test2json` are gone, everything else that would
/// steer the terminal is spelt out, and the text ends with a line break unless it is empty.
pub fn log(text: &str) -> String {
    let mut shown = String::with_capacity(text.len() + 1);
    let mut colour = Colour::Plain;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(length) = colour_sequence(rest) {
            colour = Colour::Changed;
            shown.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            TEST2JSON_MARK => {}
            '\r' if rest.starts_with('\n') => {}
            '\r' => shown.push('\n'),
            '\n' | '\t' => shown.push(c),
            _ => push_shown(&mut shown, c),
        }
    }
    close(shown, colour)
}

/// Whether a log has changed the colour of what follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Colour {
    Plain,
    Changed,
}

fn close(mut shown: String, colour: Colour) -> String {
    if colour == Colour::Changed {
        shown.push_str("\x1b[0m");
    }
    if !shown.is_empty() && !shown.trim_end_matches("\x1b[0m").ends_with('\n') {
        shown.push('\n');
    }
    shown
}

/// Returns the length of the colour sequence (`ESC [ digits ; … m`) with which `text` begins.
fn colour_sequence(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\x1b[")?;
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';' && c != ':')?;
    parameters[end..].starts_with('m').then_some(2 + end + 1)
}

fn push_shown(shown: &mut String, c: char) {
    if is_hidden(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
}

/// Whether a character has no glyph and changes how others are shown: controls, and overrides of the writing direction.
fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_log(text: &str, want: &str) {
        assert_eq!(log(text), want, "{text:?}");
    }

    #[test]
    fn names_cannot_steer_the_terminal() {
        assert_eq!(name("//a:b"), "//a:b");
        assert_eq!(name("a\x1b[2Jb\n"), "a\\u{1b}[2Jb\\n");
        assert_eq!(name("\u{202e}gpj"), "\\u{202e}gpj");
    }

    #[test]
    fn logs_keep_colours_and_lose_everything_else_that_steers() {
        check_log("", "");
        check_log("plain", "plain\n");
        check_log("\x1b[31mred\x1b[0m\n", "\x1b[31mred\x1b[0m\n\x1b[0m");
        check_log("up\x1b[Aup\n", "up\\u{1b}[Aup\n");
        check_log("10%\r20%\r\n", "10%\n20%\n");
        check_log("\x16=== RUN   TestA\n", "=== RUN   TestA\n");
    }
}
