//! Clearing knows participants, quotes and the life of a payment; it does not know messages, disks or clocks.
