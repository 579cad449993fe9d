//! Gateway knows the participants' door: authenticate, verify, parse, check, answer; it keeps no money.
