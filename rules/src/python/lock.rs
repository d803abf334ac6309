//! What a lock of Python packages says, whatever its format: the distributions that one environment takes.
//! It does not know how they are fetched.

use std::ops::Range;

use model::{Distribution, Libc, Location, Mistake, Platform, PythonEnvironment, RelPath, codes, wheel};

/// The distributions of a lock that an environment takes, sorted by name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Lock {
    /// Each with one version.
    pub distributions: Vec<LockedDistribution>,
}

/// A distribution of a lock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LockedDistribution {
    /// Its normalized name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Which file is taken.
    pub source: Source,
    /// Where the lock names it.
    pub span: Range<usize>,
}

/// Which file of a distribution is taken.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Source {
    /// This one.
    File {
        /// Its name.
        file: String,
        /// Its SHA-256, in hexadecimal digits.
        sha256: String,
        /// Where the lock has seen it.
        url: Option<String>,
        /// What kind of file it is.
        distribution: Distribution,
    },
    /// The best with one of these hashes.
    Any {
        /// The SHA-256 of each, in hexadecimal digits, sorted.
        sha256: Vec<String>,
        /// What kind of file it has to be.
        distribution: Distribution,
    },
}

/// A lock that is read: what it is called, for whom, and what was wrong so far.
pub(super) struct Reading<'a> {
    /// The lock.
    pub file: &'a RelPath,
    /// What to type to have it written again.
    pub hint: &'static str,
    /// The interpreter.
    pub environment: &'a PythonEnvironment,
    /// The platform.
    pub platform: &'a Platform,
    /// What was wrong so far.
    pub mistakes: Vec<Mistake>,
}

/// A file that a lock offers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Offer {
    /// Its name.
    pub file: String,
    /// Its SHA-256.
    pub sha256: String,
    /// Where the lock has seen it.
    pub url: Option<String>,
}

/// The most files that a mistake lists.
const LISTED: usize = 6;

impl Reading<'_> {
    /// Says that a part of the lock cannot be used.
    pub fn bad(&mut self, span: Range<usize>, message: impl Into<String>) {
        let at = Location::new(self.file.clone(), span);
        self.mistakes.push(Mistake::new(codes::PYTHON_BAD_LOCK, message).at(at, "").hint(self.hint));
    }

    /// Says that something is for another Python than the one that is there.
    pub fn other_python(&mut self, place: Location, message: impl Into<String>) {
        let hint = "name an interpreter of that version in [toolchain.python] of workspace.toml, or lower `requires-python` and lock again";
        self.mistakes.push(Mistake::new(codes::PYTHON_OTHER_VERSION, message).at(place, "").hint(hint));
    }

    /// Says that the lock is not that of its manifest, of which a part may be shown.
    pub fn stale(&mut self, place: Location, message: impl Into<String>) {
        self.mistakes.push(Mistake::new(codes::PYTHON_STALE_LOCK, message).at(place, "").hint(self.hint));
    }

    /// Returns the best of some files: the wheel that fits best, or else the source distribution.
    pub fn choose(&mut self, name: &str, version: &str, span: &Range<usize>, offers: &[Offer]) -> Option<Source> {
        let rank = |offer: &Offer| wheel::rank(&offer.file, self.environment, self.platform);
        let best = offers.iter().filter_map(|offer| Some((rank(offer)?, offer))).max_by(|a, b| a.0.cmp(&b.0));
        let is_source = |offer: &&Offer| wheel::FileName::parse(&offer.file).is_some_and(|name| !name.is_wheel());
        let chosen = match best {
            Some((_, offer)) => Some((offer, Distribution::Wheel)),
            None => offers.iter().find(is_source).map(|offer| (offer, Distribution::Source)),
        };
        if chosen.is_none() {
            self.no_file(name, version, span, offers);
        }
        let (Offer { file, sha256, url }, distribution) = chosen?;
        Some(Source::File { file: file.clone(), sha256: sha256.clone(), url: url.clone(), distribution })
    }

    fn no_file(&mut self, name: &str, version: &str, span: &Range<usize>, offers: &[Offer]) {
        if offers.is_empty() {
            return self.bad(span.clone(), format!("`{name}` {version} has no file with a sha256 hash"));
        }
        let libc = match self.environment.libc {
            Libc::Glibc(major, minor) => format!("glibc {major}.{minor}"),
            Libc::Musl(major, minor) => format!("musl {major}.{minor}"),
        };
        let (python, platform) = (&self.environment.version, self.platform);
        let message = format!("no file of `{name}` {version} fits Python {python} on {platform} with {libc}");
        let listed: Vec<&str> = offers.iter().take(LISTED).map(|offer| &*offer.file).collect();
        let more = if offers.len() > LISTED { format!(" and {} more", offers.len() - LISTED) } else { String::new() };
        let at = Location::new(self.file.clone(), span.clone());
        let words = format!("the lock has {}{more}", listed.join(", "));
        self.mistakes.push(Mistake::new(codes::PYTHON_NO_FILE, message).at(at, words));
    }

    /// Ends the reading: sorts, and refuses two versions of one distribution.
    pub fn finish(mut self, mut distributions: Vec<LockedDistribution>) -> (Lock, Vec<Mistake>) {
        distributions.retain(|distribution| {
            let plain = is_plain(&distribution.name) && is_plain(&distribution.version);
            if !plain {
                let what = format!("{} {}", distribution.name, distribution.version).escape_debug().to_string();
                self.bad(distribution.span.clone(), format!("`{what}` is no name and version of a distribution"));
            }
            plain
        });
        distributions.sort_by(|a, b| (&a.name, &a.version, a.span.start).cmp(&(&b.name, &b.version, b.span.start)));
        for index in 1..distributions.len() {
            let [first, second] = [&distributions[index - 1], &distributions[index]];
            if first.name == second.name {
                let message = format!("`{}` is locked twice for this environment", second.name);
                let words = |of: &LockedDistribution| format!("version {}", of.version);
                let place = |of: &LockedDistribution| Location::new(self.file.clone(), of.span.clone());
                let mistake = Mistake::new(codes::PYTHON_BAD_LOCK, message).at(place(second), words(second));
                self.mistakes.push(mistake.also(place(first), words(first)).hint(self.hint));
            }
        }
        distributions.dedup_by(|second, first| first.name == second.name);
        (Lock { distributions }, self.mistakes)
    }
}

/// Whether a name or a version is written as packages have them: both become parts of paths.
fn is_plain(text: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._+!-".contains(letter);
    text.starts_with(|first: char| first.is_ascii_alphanumeric()) && text.chars().all(plain)
}

/// Returns the hexadecimal digits of `sha256:…`, if they are some.
pub(super) fn sha256(hash: &str) -> Option<String> {
    let digits = hash.strip_prefix("sha256:")?;
    let well_formed = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    well_formed.then(|| digits.to_ascii_lowercase())
}
