//! Ledger knows accounts, transfers and holds; it does not know payments, participants or time.
