//! The door's OpenAPI document: kept by hand in `docs/reference/openapi.json`, served as it is.

/// The document.
pub(crate) const DOCUMENT: &str = include_str!("../../../../docs/reference/openapi.json");
