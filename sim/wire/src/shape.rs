//! How requests are laid out, as far as it takes to check every length and count before anything is decoded.
//!
//! The decoders of the codec reserve room for as many elements as a frame says that there are. A frame of some bytes
//! can say four thousand million, and a process that asks for that much memory is ended. An element takes a byte at
//! least, so no count may be above the number of bytes that follow it.

use std::ops::RangeInclusive;

/// A part of a request, in the order of its layout.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// So many bytes.
    Fixed(usize),
    /// A text, or none.
    Text,
    /// Bytes, or none.
    Bytes,
    /// As many elements as it says; each is a struct.
    Array(&'static [Field]),
    /// The same, where each element is so many bytes and no struct.
    Plain(usize),
    /// The same, where each element is a text.
    Texts,
}

/// A part and the versions that have it.
pub(crate) type Field = (RangeInclusive<i16>, Part);

/// A request: from which version on it is flexible (KIP-482), and its parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) flexible: i16,
    pub(crate) fields: &'static [Field],
}

/// A length or count that the frame cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beyond;

/// Walks over bytes without keeping any.
struct Walk<'a> {
    rest: &'a [u8],
    version: i16,
    flexible: bool,
}

impl Walk<'_> {
    fn skip(&mut self, count: usize) -> Result<(), Beyond> {
        self.rest = self.rest.get(count..).ok_or(Beyond)?;
        Ok(())
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], Beyond> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(Beyond)?;
        self.rest = rest;
        Ok(*head)
    }

    fn varint(&mut self) -> Result<usize, Beyond> {
        let mut value: u64 = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.number::<1>()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(value).map_err(|_| Beyond);
            }
        }
        Err(Beyond)
    }

    /// A length that may stand for nothing; `short` as texts have it.
    fn length(&mut self, short: bool) -> Result<Option<usize>, Beyond> {
        let length = if self.flexible {
            i64::try_from(self.varint()?).map_err(|_| Beyond)? - 1
        } else if short {
            i64::from(i16::from_be_bytes(self.number()?))
        } else {
            i64::from(i32::from_be_bytes(self.number()?))
        };
        match length {
            -1 => Ok(None),
            some => match usize::try_from(some) {
                Ok(length) if length <= self.rest.len() => Ok(Some(length)),
                _ => Err(Beyond),
            },
        }
    }

    fn run(&mut self, short: bool) -> Result<(), Beyond> {
        let length = self.length(short)?;
        self.skip(length.unwrap_or(0))
    }

    fn tags(&mut self) -> Result<(), Beyond> {
        if !self.flexible {
            return Ok(());
        }
        let count = self.varint()?;
        if count > self.rest.len() {
            return Err(Beyond);
        }
        for _ in 0..count {
            self.varint()?;
            let size = self.varint()?;
            self.skip(size)?;
        }
        Ok(())
    }

    fn fields(&mut self, fields: &[Field]) -> Result<(), Beyond> {
        for (versions, part) in fields {
            if versions.contains(&self.version) {
                self.part(*part)?;
            }
        }
        self.tags()
    }

    fn part(&mut self, part: Part) -> Result<(), Beyond> {
        match part {
            Part::Fixed(count) => self.skip(count),
            Part::Text => self.run(true),
            Part::Bytes => self.run(false),
            Part::Array(fields) => {
                for _ in 0..self.length(false)?.unwrap_or(0) {
                    self.fields(fields)?;
                }
                Ok(())
            }
            Part::Plain(size) => {
                let count = self.length(false)?.unwrap_or(0);
                self.skip(count.checked_mul(size).ok_or(Beyond)?)
            }
            Part::Texts => {
                for _ in 0..self.length(false)?.unwrap_or(0) {
                    self.run(true)?;
                }
                Ok(())
            }
        }
    }
}

impl Shape {
    /// Whether every length and count of `body` fits into it.
    pub(crate) fn check(&self, body: &[u8], version: i16) -> Result<(), Beyond> {
        let mut walk = Walk { rest: body, version, flexible: version >= self.flexible };
        walk.fields(self.fields)
    }

    /// The same of a struct without tags, as assignors write it.
    pub(crate) fn check_bare(&self, body: &[u8], version: i16) -> Result<(), Beyond> {
        let mut walk = Walk { rest: body, version, flexible: false };
        walk.fields(self.fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape {
        flexible: 1,
        fields: &[(0..=9, Part::Fixed(2)), (0..=9, Part::Array(&[(0..=9, Part::Text)]))],
    };

    #[test]
    fn a_count_that_the_frame_cannot_hold_is_beyond() {
        let two = [0, 0, 0, 0, 0, 2, 0, 1, b'a', 0, 0];
        assert_eq!(SHAPE.check(&two, 0), Ok(()));
        let many = [0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 1, b'a', 0, 0];
        assert_eq!(SHAPE.check(&many, 0), Err(Beyond));
        let negative = [0, 0, 0xff, 0xff, 0xff, 0xfe];
        assert_eq!(SHAPE.check(&negative, 0), Err(Beyond));
        let none = [0, 0, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(SHAPE.check(&none, 0), Ok(()));
    }

    #[test]
    fn flexible_versions_have_varints_and_tags() {
        let one = [0, 0, 2, 2, b'a', 0, 0];
        assert_eq!(SHAPE.check(&one, 1), Ok(()));
        let tagged = [0, 0, 2, 2, b'a', 1, 9, 2, 1, 1, 0];
        assert_eq!(SHAPE.check(&tagged, 1), Ok(()));
        let huge = [0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 2, b'a', 0, 0];
        assert_eq!(SHAPE.check(&huge, 1), Err(Beyond));
        let long = [0, 0, 2, 0xff, 0x7f, b'a', 0, 0];
        assert_eq!(SHAPE.check(&long, 1), Err(Beyond));
    }
}
