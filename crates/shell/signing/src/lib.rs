//! Signing knows keys, RFC 9421 message signatures and TLS identities; it does not know what is signed.
