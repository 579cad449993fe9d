//! Files of many payments: a payroll, suppliers at the end of a month. Customers hand them in, the bank pays line by line.
//!
//! ```text
//! bytes as they come ─▶ lines (pain.001 or CSV) ─▶ each judged by itself ─▶ books, in batches ─▶ totals right? ─▶ accepted, durable
//! accepted ─▶ lines from the cursor on ─▶ reserved and stored, with the cursor ─▶ sent, so many at once ─▶ results
//! ```
//! A line that is wrong is rejected with its number and field; a file whose totals are wrong is refused whole, before anything
//! is paid. The same file again is answered as the first time.
//!
//! # Limits
//! A file has at most [`LINES_MAX`] lines; two files arrive at once (`UPLOADS_MAX`). Memory holds a batch of lines, whatever the file's
//! size.
//!
//! # Start reading at
//! `receive.rs`, then `pay.rs`.

mod csv;
mod pay;
mod receive;
mod results;

pub(crate) use pay::run;
pub(crate) use receive::receive;
pub use receive::{BulkRefusal, Format, Receiver};
pub(crate) use results::{Joined, csv_lines, pain002, pain002_line};

/// Lines of a file: a month's pay of the largest employer here.
pub const LINES_MAX: u64 = 100_000;
/// The reader by itself, for benchmarks and harnesses that judge it on any bytes.
#[doc(hidden)]
pub mod hooks {
    use super::{BulkRefusal, Format, Receiver};
    use crate::books::Books;
    use crate::books::bulk::BulkFile;

    /// Receives a file from an iterator of chunks, on this thread and one that feeds it.
    ///
    /// # Errors
    /// Why nothing of it is paid.
    pub fn receive(
        books: &Books,
        receiver: &Receiver,
        format: Format,
        chunks: impl Iterator<Item = Vec<u8>> + Send,
    ) -> Result<BulkFile, BulkRefusal> {
        let (sender, receiving) = tokio::sync::mpsc::channel(16);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for chunk in chunks {
                    if sender.blocking_send(Some(chunk)).is_err() {
                        return;
                    }
                }
            });
            super::receive(books, receiver, format, receiving)
        })
    }
}

/// Files that arrive at once.
pub(crate) const UPLOADS_MAX: usize = 2;
