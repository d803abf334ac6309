//! What a file has to be: one of some hashes, computed while it arrives.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::digest::{Algorithm, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512};

/// The hashes of one algorithm, any of which a file may have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Expected {
    algorithm: Strength,
    notation: Notation,
    /// As the lock has them, without the name of the algorithm.
    hashes: Vec<String>,
}

/// The algorithms, weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Strength {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// How a hash is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Notation {
    /// Hexadecimal digits.
    Hex,
    /// Base64 behind the name of the algorithm.
    Sri,
}

impl Strength {
    fn of(word: &str) -> Option<Strength> {
        Some(match word {
            "sha1" => Strength::Sha1,
            "sha256" => Strength::Sha256,
            "sha384" => Strength::Sha384,
            "sha512" => Strength::Sha512,
            _ => return None,
        })
    }

    fn word(self) -> &'static str {
        match self {
            Strength::Sha1 => "sha1",
            Strength::Sha256 => "sha256",
            Strength::Sha384 => "sha384",
            Strength::Sha512 => "sha512",
        }
    }

    fn algorithm(self) -> &'static Algorithm {
        match self {
            Strength::Sha1 => &SHA1_FOR_LEGACY_USE_ONLY,
            Strength::Sha256 => &SHA256,
            Strength::Sha384 => &SHA384,
            Strength::Sha512 => &SHA512,
        }
    }
}

impl Expected {
    /// Expects one of some SHA-256, in hexadecimal digits.
    pub fn sha256<'a>(hashes: impl IntoIterator<Item = &'a str>) -> Expected {
        let hashes = hashes.into_iter().map(str::to_ascii_lowercase).collect();
        Expected { algorithm: Strength::Sha256, notation: Notation::Hex, hashes }
    }

    /// Expects what npm's `integrity` says: of several algorithms the strongest counts. `None` if it names no known one.
    pub fn integrity(integrity: &str) -> Option<Expected> {
        let entry = |word: &str| {
            let (algorithm, hash) = word.split_once('-')?;
            // Options may follow the hash; none has a meaning.
            let hash = hash.split('?').next().unwrap_or_default();
            Some((Strength::of(algorithm)?, hash.to_owned()))
        };
        let entries: Vec<(Strength, String)> = integrity.split_whitespace().filter_map(entry).collect();
        let algorithm = entries.iter().map(|(algorithm, _)| *algorithm).max()?;
        let hashes = entries.into_iter().filter(|(it, _)| *it == algorithm).map(|(_, hash)| hash).collect();
        Some(Expected { algorithm, notation: Notation::Sri, hashes })
    }

    /// Begins to hash a file.
    pub fn begin(&self) -> Context {
        Context::new(self.algorithm.algorithm())
    }

    /// Compares the hash of a whole file; returns it as the lock would have it if it is another.
    pub fn compare(&self, file: Context) -> Result<(), String> {
        let digest = file.finish();
        let got = match self.notation {
            Notation::Hex => hex(digest.as_ref()),
            Notation::Sri => BASE64_STANDARD.encode(digest.as_ref()),
        };
        if self.hashes.iter().any(|hash| self.is_same(hash, &got)) { Ok(()) } else { Err(self.written(&got)) }
    }

    /// Whether a hash of the same notation is among those expected.
    pub fn allows(&self, hash: &str) -> bool {
        self.hashes.iter().any(|it| self.is_same(it, hash))
    }

    fn is_same(&self, left: &str, right: &str) -> bool {
        match self.notation {
            Notation::Hex => left.eq_ignore_ascii_case(right),
            Notation::Sri => left.trim_end_matches('=') == right.trim_end_matches('='),
        }
    }

    /// Returns the hashes for people.
    pub fn wanted(&self) -> String {
        any_of(&self.hashes.iter().map(|hash| self.written(hash)).collect::<Vec<_>>())
    }

    /// Returns one hash for people, as the lock would have it.
    pub fn written(&self, hash: &str) -> String {
        match self.notation {
            Notation::Hex => hash.to_owned(),
            Notation::Sri => format!("{}-{hash}", self.algorithm.word()),
        }
    }
}

/// Returns hashes for people, of whom nobody reads more than a few.
pub(crate) fn any_of(hashes: &[String]) -> String {
    match hashes {
        [] | [_] | [_, _] | [_, _, _] => hashes.join(" or "),
        [first, others @ ..] => format!("{first} or one of {} others", others.len()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_algorithms_the_strongest_counts() {
        // Of the three bytes `abc`.
        let (sha1, sha256) =
            ("sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
        let check = |integrity: &str, want: Result<(), &str>| {
            let expected = Expected::integrity(integrity).unwrap();
            let mut context = expected.begin();
            context.update(b"abc");
            assert_eq!(expected.compare(context), want.map_err(str::to_owned), "{integrity}");
        };
        check(sha1, Ok(()));
        check(&format!("{sha1} sha256-AAAA md5-x"), Err(sha256));
        check(&format!("sha1-AAAA sha256-AAAA {sha256}?opt"), Ok(()));
        assert_eq!(Expected::integrity("md5-abc"), None);
        assert_eq!(Expected::integrity(""), None);
    }

    #[test]
    fn one_of_several_hexadecimal_hashes_is_enough() {
        let abc = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
        let expected = Expected::sha256(["00", abc]);
        let mut context = expected.begin();
        context.update(b"abc");
        assert_eq!(expected.compare(context), Ok(()));
        assert_eq!(Expected::sha256(["00", "11"]).wanted(), "00 or 11");
        assert_eq!(Expected::sha256(["00", "11", "22", "33"]).wanted(), "00 or one of 3 others");
    }
}
