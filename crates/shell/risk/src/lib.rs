//! Risk knows how likely a payment is to be unwanted and why; it does not know accounts or blocks.
