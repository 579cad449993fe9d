//! History knows the past in the order a reader asks for it; it decides nothing.
