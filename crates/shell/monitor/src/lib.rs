//! Monitor knows how to show what happens; it changes nothing.
