use std::io::{self, Read};

/// The size of the first piece; each further one is as long as all before it.
const FIRST: usize = 1 << 20;

/// Bytes of unknown length, in pieces. A single buffer would have to grow, and most allocators then hold the old one
/// and a new one of twice the size. Long pieces return to the operating system when they are freed, while many short
/// ones stay with the allocating thread.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pieces: Vec<Vec<u8>>,
    length: usize,
}

impl Pieces {
    /// Reads `reader` to its end.
    pub(super) fn read(mut reader: impl Read) -> io::Result<Self> {
        let mut pieces = Self::default();
        loop {
            let room = pieces.length.max(FIRST);
            let mut piece = Vec::with_capacity(room);
            let length = reader.by_ref().take(room as u64).read_to_end(&mut piece)?;
            pieces.length += length;
            pieces.pieces.push(piece);
            if length < room {
                return Ok(pieces);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn extend(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.pieces.last_mut() {
                Some(last) if last.len() < last.capacity() => {
                    let (now, later) = bytes.split_at(bytes.len().min(last.capacity() - last.len()));
                    last.extend_from_slice(now);
                    self.length += now.len();
                    bytes = later;
                }
                _ => self.pieces.push(Vec::with_capacity(bytes.len().max(self.length))),
            }
        }
    }

    /// Joins the pieces into one buffer, and frees each once it is copied.
    pub(super) fn join(mut self) -> Vec<u8> {
        if self.pieces.len() == 1 {
            return self.pieces.remove(0);
        }
        let mut joined = Vec::with_capacity(self.length);
        for piece in self.pieces {
            joined.extend_from_slice(&piece);
        }
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_at_the_edges() {
        for length in [0, 1, FIRST - 1, FIRST, FIRST + 1, 2 * FIRST, 2 * FIRST + 7] {
            let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
            let read = Pieces::read(&*bytes).unwrap();
            assert_eq!(read.len(), length);
            assert!(read.join() == bytes, "{length} bytes read");
            let mut added = Pieces::default();
            for chunk in bytes.chunks(70_001) {
                added.extend(chunk);
            }
            assert_eq!(added.len(), length);
            assert!(added.join() == bytes, "{length} bytes added");
        }
    }
}
