//! Packs numbers and texts tightly: variable-length integers, differences, lengths before bytes. Knows no meaning.

/// Packs values one after the other.
#[derive(Default)]
pub(crate) struct Packer {
    bytes: Vec<u8>,
}

/// Takes values out in the order in which they were packed; `None` once they do not fit.
pub(crate) struct Unpacker<'a> {
    rest: &'a [u8],
}

impl Packer {
    /// Makes a packer with room for this many bytes.
    pub fn with_capacity(bytes: usize) -> Packer {
        Packer { bytes: Vec::with_capacity(bytes) }
    }

    /// Adds bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Adds a number, seven bits a byte.
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    /// Adds how far `to` is from `from`: short if they are close, in either direction.
    pub fn step(&mut self, from: i64, to: i64) {
        let step = to.wrapping_sub(from);
        self.number(((step << 1) ^ (step >> 63)) as u64);
    }

    /// Adds a text with its length.
    pub fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.raw(text.as_bytes());
    }

    /// Returns what was packed.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// Returns what was packed so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl<'a> Unpacker<'a> {
    /// Begins to unpack.
    pub fn new(bytes: &'a [u8]) -> Unpacker<'a> {
        Unpacker { rest: bytes }
    }

    /// Takes bytes as they are.
    #[inline]
    pub fn raw(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    /// Takes one byte.
    #[inline]
    pub fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    /// Takes bytes whose number is known to the compiler.
    #[inline]
    pub fn array<const LEN: usize>(&mut self) -> Option<[u8; LEN]> {
        self.raw(LEN)?.try_into().ok()
    }

    /// Takes a number.
    #[inline]
    pub fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// Takes a number of things that follow, of which each takes a byte or more.
    #[inline]
    pub fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(self.number()?).ok()?;
        (count <= self.rest.len()).then_some(count)
    }

    /// Takes a step away from `from`.
    #[inline]
    pub fn step(&mut self, from: i64) -> Option<i64> {
        let packed = self.number()?;
        let step = (packed >> 1) as i64 ^ -((packed & 1) as i64);
        Some(from.wrapping_add(step))
    }

    /// Takes a text.
    #[inline]
    pub fn text(&mut self) -> Option<&'a str> {
        let len = self.count()?;
        std::str::from_utf8(self.raw(len)?).ok()
    }

    /// Whether everything was taken.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}
