//! Rows by number that grow without moving what is there: nothing is copied while the journal waits.

/// Rows of one chunk. A chunk of the widest rows is a few MiB, made in one piece and never again.
const CHUNK: usize = 1 << 13;

/// A table that only grows.
#[derive(Debug)]
pub(crate) struct Rows<T> {
    chunks: Vec<Vec<T>>,
    len: usize,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<T> Rows<T> {
    /// Rows so far.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// A row by its number.
    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    /// A row by its number, to change it.
    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.chunks.get_mut(at / CHUNK)?.get_mut(at % CHUNK)
    }

    /// Appends a row.
    pub(crate) fn push(&mut self, row: T) {
        if self.len.is_multiple_of(CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        self.chunks.last_mut().expect("made above").push(row);
        self.len += 1;
    }

    /// Rows come in order of their number, or again.
    pub(crate) fn put(&mut self, at: usize, row: T) {
        match self.get_mut(at) {
            Some(known) => *known = row,
            None => {
                assert_eq!(self.len, at, "rows arrive in order");
                self.push(row);
            }
        }
    }

    /// All rows, in order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.chunks.iter().flatten()
    }

    /// Rows from a number on, in order.
    pub(crate) fn from(&self, at: usize) -> impl Iterator<Item = &T> {
        let first = self.chunks.get(at / CHUNK).into_iter().flat_map(move |chunk| chunk.iter().skip(at % CHUNK));
        first.chain(self.chunks.iter().skip(at / CHUNK + 1).flatten())
    }

    /// How many rows at the beginning meet a condition that holds up to some row and for none behind it.
    pub(crate) fn partition_point(&self, mut meets: impl FnMut(&T) -> bool) -> usize {
        let whole = self.chunks.partition_point(|chunk| chunk.last().is_some_and(&mut meets));
        match self.chunks.get(whole) {
            Some(chunk) => whole * CHUNK + chunk.partition_point(meets),
            None => self.len,
        }
    }
}

impl<T> FromIterator<T> for Rows<T> {
    fn from_iter<I: IntoIterator<Item = T>>(rows: I) -> Self {
        let mut table = Self::default();
        rows.into_iter().for_each(|row| table.push(row));
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_a_plain_vector() {
        for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 5] {
            let plain: Vec<usize> = (0..len).map(|n| n * 2).collect();
            let rows: Rows<usize> = plain.iter().copied().collect();
            assert_eq!(rows.len(), len);
            assert!(rows.iter().eq(&plain));
            for at in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, len.saturating_sub(1), len, len + 1, len + CHUNK] {
                assert_eq!(rows.get(at), plain.get(at), "row {at} of {len}");
                assert!(rows.from(at).eq(plain.get(at..).unwrap_or_default()), "from {at} of {len}");
                for limit in [2 * at, 2 * at + 1] {
                    let below = |row: &usize| *row < limit;
                    assert_eq!(rows.partition_point(below), plain.partition_point(below), "below {limit} of {len}");
                }
            }
        }
    }

    #[test]
    fn rows_are_put_again_or_next() {
        let mut rows = Rows::default();
        (0..=CHUNK).for_each(|at| rows.put(at, at));
        rows.put(CHUNK, 7);
        assert_eq!((rows.len(), rows.get(CHUNK)), (CHUNK + 1, Some(&7)));
    }

    #[test]
    #[should_panic(expected = "rows arrive in order")]
    fn a_gap_is_our_mistake() {
        Rows::default().put(1, 1);
    }
}
