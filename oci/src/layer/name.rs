//! Names of entries: bytes, relative, normal; and the names that mark what a layer hides.

use super::LayerError;

/// The longest name that file systems take.
const LONGEST_SEGMENT: usize = 255;
/// The longest path that the kernel takes, less what it may lie below.
const LONGEST_PATH: usize = 3500;

/// How the name of a mark begins.
const MARK: &[u8] = b".wh.";
/// The mark of a directory that hides all of the one below it.
const OPAQUE: &[u8] = b".wh..wh..opq";
/// How the names of AUFS's own files begin.
const OF_AUFS: &[u8] = b".wh..wh.";

/// A normal relative path of bytes; empty for the top.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Name(Vec<u8>);

/// What the name of an entry hides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Whiteout {
    /// One name of the layers below.
    Hidden,
    /// All of them in its directory.
    Opaque,
    /// Nothing: AUFS kept its own books there.
    Ignored,
}

impl Name {
    /// Parses a name as packers write it: with `./` before it, or a slash after it.
    pub fn parse(written: &[u8]) -> Result<Name, LayerError> {
        Name::normal(written).map_err(|why| LayerError::Name { name: shown(written), why })
    }

    /// Parses where a hard link leads.
    pub fn parse_target(link: &Name, written: &[u8]) -> Result<Name, LayerError> {
        let wrong = |why| LayerError::HardLink { entry: link.shown(), target: shown(written), why };
        let target = Name::normal(written).map_err(wrong)?;
        if target.is_top() { Err(wrong("it is the directory of the layer itself")) } else { Ok(target) }
    }

    fn normal(written: &[u8]) -> Result<Name, &'static str> {
        if written.is_empty() {
            return Err("it is empty");
        }
        if std::str::from_utf8(written).is_err() {
            return Err("it is not UTF-8");
        }
        if written.starts_with(b"/") {
            return Err("it is absolute");
        }
        if written.contains(&0) {
            return Err("it holds a NUL byte");
        }
        let inner = written.strip_prefix(b"./").unwrap_or(written);
        let inner = inner.strip_suffix(b"/").unwrap_or(inner);
        if inner.is_empty() || inner == b"." {
            return Ok(Name(Vec::new()));
        }
        for segment in inner.split(|&byte| byte == b'/') {
            match segment {
                b".." => return Err("it leaves its directory with `..`"),
                b"" | b"." => return Err("it has an empty segment or `.`"),
                long if long.len() > LONGEST_SEGMENT => return Err("it is too long for a file system"),
                _ => {}
            }
        }
        if inner.len() > LONGEST_PATH { Err("it is too long for a file system") } else { Ok(Name(inner.to_vec())) }
    }

    /// Returns the name of the layer's own directory.
    pub fn top() -> Name {
        Name(Vec::new())
    }

    /// Whether it is the layer's own directory.
    pub fn is_top(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns its directory and its last segment.
    pub fn split(&self) -> (Name, &[u8]) {
        match self.0.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => (Name(self.0[..slash].to_vec()), &self.0[slash + 1..]),
            None => (Name::top(), &self.0),
        }
    }

    /// Returns its first segment, its first two, and so on to itself.
    pub fn prefixes(&self) -> impl Iterator<Item = Name> {
        let slashes = (0..self.0.len()).filter(|&at| self.0[at] == b'/');
        slashes.chain((!self.is_top()).then_some(self.0.len())).map(|end| Name(self.0[..end].to_vec()))
    }

    /// Returns what it hides, if it is the name of a mark. Nothing lies below a mark.
    pub fn whiteout(&self) -> Result<Option<Whiteout>, LayerError> {
        let (directory, last) = self.split();
        let wrong = |why| LayerError::Name { name: self.shown(), why };
        let segments = directory.bytes().split(|&byte| byte == b'/');
        match segments.into_iter().find(|segment| segment.starts_with(MARK)) {
            Some(segment) if segment.starts_with(OF_AUFS) && segment != OPAQUE => return Ok(Some(Whiteout::Ignored)),
            Some(_) => return Err(wrong("it lies below a mark for what is hidden")),
            None => {}
        }
        match last.strip_prefix(MARK) {
            None => Ok(None),
            _ if last == OPAQUE => Ok(Some(Whiteout::Opaque)),
            _ if last.starts_with(OF_AUFS) => Ok(Some(Whiteout::Ignored)),
            Some(b"" | b"." | b"..") => Err(wrong("it hides no name")),
            Some(_) => Ok(Some(Whiteout::Hidden)),
        }
    }

    /// Returns it for people.
    pub fn shown(&self) -> String {
        shown(&self.0)
    }
}

fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}
