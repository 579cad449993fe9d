//! Chain knows how blocks, final records, receipts and checkpoints are encoded and verified; it does not know what a command means.
