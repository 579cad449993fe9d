//! Signing knows keys, RFC 9421 message signatures and TLS identities; it does not know what is signed.
//!
//! A message is signed over its SHA-256 digest (RFC 9530 `Content-Digest`) with HTTP Message Signatures (RFC 9421) and
//! Ed25519, by participants also with ECDSA over P-256: requests ([`sign_request`]), responses bound to their request ([`sign_response`]) and inbox items, which are
//! signed as if each were a request to the participant ([`sign_item`]) or, many at once, as one request with their list
//! ([`sign_batch`]). What was verified is a [`SignatureValid`], which nothing but a verification makes.
//!
//! # Not here
//! Whose key is whose: verifiers ask a [`Keys`]. Replay of a whole signed message inside its time window is answered by
//! the receiver's idempotency, not by a nonce.
//!
//! # Units and limits
//! Times are seconds since 1970 UTC. A signature is accepted [`CREATED_SKEW_S`] seconds before and after its `created`.
//! A `Signature-Input` has at most [`SIGNATURE_INPUT_BYTES_MAX`] bytes and [`COMPONENTS_MAX`] components.
//!
//! # Start reading at
//! [`verify_request`], then [`Signer`], then `tls/`.

mod digest;
mod fields;
mod input;
mod key;
mod keyed;
mod message;
mod note;
mod public;
mod refusal;
mod tls;

pub use digest::{content_digest, verify_content_digest};
pub use fields::{FieldValue, Fields};
pub use input::{COMPONENTS_MAX, SIGNATURE_INPUT_BYTES_MAX};
pub use key::{FileSigner, KeyFileError, Keys, MessageSigner, P256Signer, Signer};
pub use keyed::HashKey;
pub use message::{
    CREATED_SKEW_S, Item, Request, Response, SignatureHeaders, SignatureValid, sign_batch, sign_item, sign_request,
    sign_response, verify_batch, verify_item, verify_request, verify_response,
};
pub use note::sign_checkpoint;
pub use public::{PublicKey, verify_ed25519};
pub use refusal::SignatureRefusal;
pub use tls::{DevCa, TlsError, TlsIdentity, client_config, peer_bic, peer_common_name, server_config};
