//! The wire format of Protocol Buffers, as far as these messages use it: varints and length-delimited fields.

use std::time::Duration;

use crate::Digest;
use crate::digest::parse_hex;

/// Bytes that are not the message they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a message of the Remote Execution API: {0}")]
pub struct DecodeError(pub(super) &'static str);

/// Appends fields in the order of the calls. A field with its default value is left out, as proto3 does.
#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value as u8 & 0x7f) | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// Writes a varint field, if it is not zero.
    pub(super) fn number(&mut self, tag: u32, value: u64) {
        if value != 0 {
            self.varint(u64::from(tag) << 3);
            self.varint(value);
        }
    }

    /// Writes a length-delimited field, even if it is empty.
    pub(super) fn message(&mut self, tag: u32, bytes: &[u8]) {
        self.varint(u64::from(tag) << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// Writes text or bytes, if they are not empty.
    pub(super) fn bytes(&mut self, tag: u32, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.message(tag, bytes);
        }
    }

    pub(super) fn digest(&mut self, tag: u32, digest: &Digest) {
        let mut inner = Writer::default();
        inner.bytes(1, digest.hex().as_bytes());
        inner.number(2, digest.size_bytes);
        self.message(tag, &inner.finish());
    }

    pub(super) fn duration(&mut self, tag: u32, duration: Duration) {
        let mut inner = Writer::default();
        inner.number(1, duration.as_secs());
        inner.number(2, u64::from(duration.subsec_nanos()));
        self.message(tag, &inner.finish());
    }
}

/// One field as it stands on the wire.
pub(super) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// A fixed-width field: these messages have none that rg reads.
    Other,
}

/// Calls `on` for each field of a message.
pub(super) fn fields<'a>(
    mut rest: &'a [u8],
    mut on: impl FnMut(u64, Value<'a>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    while !rest.is_empty() {
        let header = varint(&mut rest)?;
        let value = match header & 7 {
            0 => Value::Number(varint(&mut rest)?),
            1 => take(&mut rest, 8).map(|_| Value::Other)?,
            2 => {
                let length = varint(&mut rest)?;
                Value::Bytes(take(&mut rest, length)?)
            }
            5 => take(&mut rest, 4).map(|_| Value::Other)?,
            _ => return Err(DecodeError("an unknown wire type")),
        };
        on(header >> 3, value)?;
    }
    Ok(())
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8], DecodeError> {
    let length = usize::try_from(length).map_err(|_| DecodeError("a field is too long"))?;
    let (head, tail) = rest.split_at_checked(length).ok_or(DecodeError("it ends within a field"))?;
    *rest = tail;
    Ok(head)
}

fn varint(rest: &mut &[u8]) -> Result<u64, DecodeError> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(DecodeError("a number is too long"))
}

impl<'a> Value<'a> {
    pub(super) fn number(self) -> Result<u64, DecodeError> {
        match self {
            Value::Number(number) => Ok(number),
            _ => Err(DecodeError("a number was expected")),
        }
    }

    pub(super) fn bytes(self) -> Result<&'a [u8], DecodeError> {
        match self {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(DecodeError("bytes were expected")),
        }
    }

    pub(super) fn text(self) -> Result<String, DecodeError> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| DecodeError("a text is not UTF-8"))
    }

    pub(super) fn digest(self) -> Result<Digest, DecodeError> {
        let mut digest = Digest { hash: [0; 32], size_bytes: 0 };
        fields(self.bytes()?, |tag, value| {
            match tag {
                1 => digest.hash = parse_hex(&value.text()?).ok_or(DecodeError("a digest is not SHA-256"))?,
                2 => digest.size_bytes = value.number()?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(digest)
    }

    pub(super) fn duration(self) -> Result<Duration, DecodeError> {
        let (mut seconds, mut nanos) = (0, 0);
        fields(self.bytes()?, |tag, value| {
            match tag {
                1 => seconds = value.number()?,
                2 => nanos = u32::try_from(value.number()?).map_err(|_| DecodeError("a duration is too long"))?,
                _ => {}
            }
            Ok(())
        })?;
        if nanos >= 1_000_000_000 {
            return Err(DecodeError("a duration has a second of nanoseconds"));
        }
        Ok(Duration::new(seconds, nanos))
    }
}
