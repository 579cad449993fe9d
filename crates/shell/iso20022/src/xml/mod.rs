//! XML as ISO 20022 messages use it: a pull reader that checks well-formedness and namespaces, and a writer.
//!
//! The reader is our own because general readers leave to their caller what strictness needs (characters, names,
//! attribute syntax, namespaces, `]]>`), and because element names are compared as machine words.
//!
//! # Not here
//! What a message may contain: the generated types drive [`Reader`] with their own element order.
//!
//! # Units and limits
//! [`Limits`]: bytes of a message, nesting of elements, attributes of an element. UTF-8 only, with or without byte order
//! mark. No document type declarations and no entities but the five of XML itself.

mod chars;
mod content;
mod raw;
mod reader;
mod scan;
mod writer;

pub(crate) use chars::trim;
pub use content::Element;
pub(crate) use raw::AnyNamespace;
pub use raw::RawXml;
pub use reader::{Limits, Reader};
pub use writer::Writer;
