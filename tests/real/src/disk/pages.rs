//! The bytes of a file as pages that copies share: what is kept of a file costs nothing until the file changes.

use std::sync::Arc;

/// Bytes of a page.
const PAGE: usize = 4096;

/// The bytes of a file; pages that nobody wrote are zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bytes {
    pages: Vec<Option<Arc<[u8; PAGE]>>>,
    size: usize,
}

impl Bytes {
    /// How many there are.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// At most `length` bytes from `offset` on.
    pub(super) fn read(&self, offset: usize, length: usize) -> Vec<u8> {
        let end = self.size.min(offset.saturating_add(length));
        let mut read = vec![0; end.saturating_sub(offset)];
        for (page, within, part) in parts(offset, read.len()) {
            if let Some(Some(bytes)) = self.pages.get(page) {
                let at = page * PAGE + within - offset;
                read[at..at + part].copy_from_slice(&bytes[within..within + part]);
            }
        }
        read
    }

    /// Writes `data` at `offset`, and grows as it must.
    pub(super) fn write(&mut self, offset: usize, data: &[u8]) {
        self.resize(self.size.max(offset + data.len()));
        for (page, within, part) in parts(offset, data.len()) {
            let at = page * PAGE + within - offset;
            let bytes = self.pages[page].get_or_insert_with(|| Arc::new([0; PAGE]));
            Arc::make_mut(bytes)[within..within + part].copy_from_slice(&data[at..at + part]);
        }
    }

    /// Cuts it, or lengthens it with zeros.
    pub(super) fn resize(&mut self, size: usize) {
        self.pages.resize(size.div_ceil(PAGE), None);
        // What is cut off a page does not come back when the file grows.
        if size < self.size
            && let Some(Some(last)) = self.pages.get_mut(size / PAGE)
        {
            Arc::make_mut(last)[size % PAGE..].fill(0);
        }
        self.size = size;
    }
}

/// The pages that `length` bytes from `offset` on touch: which, from where in it, and how much of it.
fn parts(offset: usize, length: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let end = offset + length;
    (offset / PAGE..end.div_ceil(PAGE)).map(move |page| {
        let within = offset.saturating_sub(page * PAGE);
        (page, within, (end - page * PAGE).min(PAGE) - within)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_they_were_written() {
        let mut bytes = Bytes::default();
        let long: Vec<u8> = (0..10_000_u32).map(|n| (n % 251) as u8).collect();
        bytes.write(3000, &long);
        assert_eq!(bytes.size(), 13_000);
        assert_eq!(bytes.read(3000, 20_000), long, "no further than its end");
        assert_eq!(bytes.read(0, 3000), [0; 3000], "nobody wrote there");
        assert_eq!(bytes.read(13_000, 1), [0; 0]);
        bytes.write(4095, b"ab");
        assert_eq!(bytes.read(4094, 4), [long[1094], b'a', b'b', long[1097]]);
        assert_eq!(bytes.size(), 13_000);
    }

    #[test]
    fn what_is_cut_off_does_not_come_back() {
        let mut bytes = Bytes::default();
        bytes.write(0, b"abcdef");
        let before = bytes.clone();
        bytes.resize(2);
        bytes.resize(9000);
        assert_eq!(bytes.read(0, 6), b"ab\0\0\0\0");
        assert_eq!(before.read(0, 6), b"abcdef", "a copy is a copy");
    }
}
