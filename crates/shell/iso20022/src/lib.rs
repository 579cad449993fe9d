//! ISO 20022 knows the messages, their schemas and the scheme's business rules; it does not know the ledger.
