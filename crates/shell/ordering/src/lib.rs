//! Ordering knows how commands become durable blocks; it does not know what they mean.
