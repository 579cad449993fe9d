//! Identifiers, one type each, so that none is passed for another.

use core::fmt;

/// Nanoseconds since 1970-01-01 UTC on the clearing clock, which only blocks move. Good until the year 2554.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub u64);

impl Time {
    /// This time plus `nanos`; stays at the end of time rather than wrap.
    pub const fn after(self, nanos: u64) -> Self {
        Self(self.0.saturating_add(nanos))
    }
}

/// A participant's index at the centre, in order of registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParticipantId(pub u32);

/// A payment's number at the centre, in order of arrival from 0. Never used again, also when the payment is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentIndex(pub u64);

/// Where an event stands in the chain: events are numbered from 1 without gaps. A participant's inbox cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub u64);

/// Unique end-to-end transaction reference (ISO `UETR`, RFC 4122 version 4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uetr(pub [u8; 16]);

/// A quote's identifier, chosen by the gateway at random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuoteId(pub [u8; 16]);

/// SHA-256 of a signed message body as received.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub [u8; 32]);

/// First half of SHA-256 over sender and `MsgId`: a message identifier without its text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageIdHash(pub [u8; 16]);

/// Business identifier code of a participant, eleven characters (ISO 9362; a head office ends in `XXX`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bic([u8; 11]);

impl Bic {
    /// Reads eight or eleven characters: six letters or digits (party and country), then letters and digits.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut full = *b"XXXXXXXXXXX";
        match bytes.len() {
            8 | 11 => full[..bytes.len()].copy_from_slice(bytes),
            _ => return None,
        }
        let well_formed = full.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        (well_formed && full[4..6].iter().all(u8::is_ascii_uppercase)).then_some(Self(full))
    }

    /// The eleven characters.
    pub const fn bytes(self) -> [u8; 11] {
        self.0
    }

    /// The eleven characters as text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).expect("ASCII by construction")
    }
}

impl fmt::Display for Bic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Bic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn write_uuid(bytes: &[u8; 16], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            f.write_str("-")?;
        }
        write!(f, "{byte:02x}")?;
    }
    Ok(())
}

/// Reads the 36 characters of a lower- or upper-case UUID.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let bytes = text.as_bytes();
    if bytes.len() != 36 || [8, 13, 18, 23].iter().any(|&at| bytes[at] != b'-') {
        return None;
    }
    let mut digits = bytes.iter().filter(|&&b| b != b'-').map(|&b| (b as char).to_digit(16));
    let mut out = [0; 16];
    for byte in &mut out {
        let (high, low) = (digits.next()??, digits.next()??);
        *byte = (high * 16 + low) as u8;
    }
    digits.next().is_none().then_some(out)
}

macro_rules! uuid_text {
    ($name:ident) => {
        impl $name {
            /// Reads the 36-character form with hyphens.
            pub fn parse(text: &str) -> Option<Self> {
                parse_uuid(text).map(Self)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_uuid(&self.0, f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_uuid(&self.0, f)
            }
        }
    };
}
uuid_text!(Uetr);
uuid_text!(QuoteId);

macro_rules! hex_debug {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    };
}
hex_debug!(ContentHash);
hex_debug!(MessageIdHash);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bic_is_padded_and_checked() {
        assert_eq!(Bic::parse("HARBHKHH").unwrap().as_str(), "HARBHKHHXXX");
        assert_eq!(Bic::parse("HARBHKHHXXX"), Bic::parse("HARBHKHH"));
        for bad in ["", "HARBHKH", "harbhkhh", "HARB1KHH", "HARBHKHHXX", "HARBHKHHXXXX", "港ARBHKH"] {
            assert_eq!(Bic::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn uuid_text_round_trips() {
        let text = "8a562c67-ca16-48ba-b074-65581be6f001";
        assert_eq!(Uetr::parse(text).unwrap().to_string(), text);
        for bad in [
            "",
            "8a562c67ca1648bab07465581be6f001",
            "8a562c67-ca16-48ba-b074-65581be6f00g",
            "8a562c67-ca16-48ba-b074-65581be6f0011",
        ] {
            assert_eq!(Uetr::parse(bad), None, "{bad}");
        }
    }
}
