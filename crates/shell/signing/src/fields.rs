//! Header fields as a signature sees them.

/// What a message has under one field name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldValue<'a> {
    /// Nothing, or bytes that are not visible ASCII.
    Absent,
    /// One line, without the blanks around it.
    One(&'a str),
    /// Several lines.
    Repeated,
}

/// Something with header fields. Names are asked for in lower case.
pub trait Fields {
    /// The value under `name`.
    fn field(&self, name: &str) -> FieldValue<'_>;
}

impl Fields for http::HeaderMap {
    fn field(&self, name: &str) -> FieldValue<'_> {
        let mut values = self.get_all(name).iter();
        match (values.next().map(http::HeaderValue::to_str), values.next()) {
            (None | Some(Err(_)), _) => FieldValue::Absent,
            (Some(Ok(value)), None) => FieldValue::One(value.trim_matches([' ', '\t'])),
            (Some(Ok(_)), Some(_)) => FieldValue::Repeated,
        }
    }
}

impl Fields for &[(&str, &str)] {
    fn field(&self, name: &str) -> FieldValue<'_> {
        let mut values = self.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        match (values.next(), values.next()) {
            (None, _) => FieldValue::Absent,
            (Some((_, value)), None) => FieldValue::One(value.trim_matches([' ', '\t'])),
            (Some(_), Some(_)) => FieldValue::Repeated,
        }
    }
}
