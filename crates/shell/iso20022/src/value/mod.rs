//! Values: what the text of an element can be, checked by the facets of its type.
//!
//! # Units and limits
//! Lengths are characters, not bytes. Decimals have at most 18 digits in every schema.
//!
//! # Invariants
//! A value that exists satisfies its type's facets; so what is written validates.

mod decimal;
mod pattern;
mod text;
mod time;

pub use decimal::Decimal;
pub(crate) use decimal::DecimalFacets;
pub(crate) use pattern::Class;
pub use text::{Broken, Charset};
pub(crate) use text::{TextFacets, is_base64_of_something, is_boolean};
pub(crate) use text::{code_type, decimal_type, text_type, trimmed_type};
pub use time::{EpochNanos, date_time_from_nanos, date_time_to_nanos};
pub(crate) use time::{
    date_to_days, is_date, is_date_time, is_time, is_year_month, local_date_and_time, local_moment, time_to_seconds,
};
