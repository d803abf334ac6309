//! Hides the values of secrets in what a program prints, whatever the pieces are in which it comes.

/// What is printed in place of a secret.
const MASK: &[u8] = b"***";
/// Shorter lines of a secret are in every text by chance.
const SHORTEST: usize = 4;

/// Hides some values in a stream.
#[derive(Debug, Default)]
pub(crate) struct Masker {
    /// The longest first, so that one inside another hides none of it.
    values: Vec<Vec<u8>>,
    /// What may be the beginning of a value.
    held: Vec<u8>,
}

impl Masker {
    /// Makes a masker for values. Of one with several lines each line is hidden, because programs print them singly.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Masker {
        let mut hidden: Vec<Vec<u8>> = Vec::new();
        for value in values {
            let whole = value.trim_ascii();
            hidden.extend((!whole.is_empty()).then(|| whole.to_vec()));
            let lines = whole.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
            hidden.extend(lines.filter(|line| line.len() >= SHORTEST).map(<[u8]>::to_vec));
        }
        hidden.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        hidden.dedup();
        Masker { values: hidden, held: Vec::new() }
    }

    /// Takes the next piece, and returns what can be shown.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        if self.values.is_empty() {
            return piece.to_vec();
        }
        self.held.extend_from_slice(piece);
        self.take(Rest::Held)
    }

    /// Returns what was still held, at the end of the stream.
    pub fn finish(&mut self) -> Vec<u8> {
        self.take(Rest::Shown)
    }

    fn take(&mut self, rest: Rest) -> Vec<u8> {
        let (mut shown, mut at) = (Vec::with_capacity(self.held.len()), 0);
        while at < self.held.len() {
            let here = &self.held[at..];
            let may_be = |value: &Vec<u8>| here.len() < value.len() && value.starts_with(here);
            if rest == Rest::Held && self.values.iter().any(may_be) {
                break;
            }
            match self.values.iter().find(|value| here.starts_with(value)) {
                Some(value) => {
                    shown.extend_from_slice(MASK);
                    at += value.len();
                }
                None => {
                    shown.push(here[0]);
                    at += 1;
                }
            }
        }
        self.held.drain(..at);
        shown
    }
}

/// What becomes of an end that may be the beginning of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Held,
    Shown,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&str], pieces: &[&str], want: &str) {
        let mut masker = Masker::new(values.iter().map(|value| value.as_bytes()));
        let mut shown: Vec<u8> = pieces.iter().flat_map(|piece| masker.push(piece.as_bytes())).collect();
        shown.extend(masker.finish());
        assert_eq!(String::from_utf8_lossy(&shown), want, "{values:?} in {pieces:?}");
    }

    #[test]
    fn a_value_is_hidden_however_it_is_cut() {
        let text = "the token is s3cret-value, twice: s3cret-values3cret-value s3cret";
        let want = "the token is ***, twice: ****** s3cret";
        check(&["s3cret-value\n"], &[text], want);
        for cut in 1..text.len() {
            check(&["s3cret-value"], &[&text[..cut], &text[cut..]], want);
        }
        let bytes: Vec<&str> = text.split("").filter(|letter| !letter.is_empty()).collect();
        check(&["s3cret-value"], &bytes, want);
    }

    #[test]
    fn each_line_of_a_value_is_hidden_but_short_ones() {
        check(&["first line\n}\nlast line"], &["a first line }\n", "last line"], "a *** }\n***");
        check(&["", " \n"], &["nothing"], "nothing");
        check(&["abcd", "abcdef"], &["abcdef abcde"], "*** ***e");
    }
}
