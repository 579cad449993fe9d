//! Files of many payments (`pain.001` in, `pain.002` out), a piece at a time: whatever the size of a file, memory holds its head
//! and one payment.
//!
//! ```text
//! bytes as they come ─▶ [`Slicer`] ─▶ head of the file, head of a batch, payment, payment … end
//!                                     each wrapped into a small document of its own ─▶ the same strict reader as any message
//! ```
//! # Not here
//! Whose accounts these are and whether the totals are right: the bank that takes the file.
//!
//! # Units and limits
//! A head or a payment has at most [`PIECE_BYTES_MAX`] bytes. Amounts of control sums are in units of 10⁻⁵, which every currency's
//! decimals fit.
//!
//! # Start reading at
//! [`Slicer::next_piece`], then [`BatchView`] and [`InstructionView`].

mod instruction;
mod results;
mod slicer;

pub use instruction::{BatchView, FileView, InstructionView, control_sum};
pub use results::{LineStatus, ResultFile};
pub use slicer::{PIECE_BYTES_MAX, Piece, SliceFault, Slicer};
