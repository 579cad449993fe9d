//! `Signature-Input` and `Signature`: the part of RFC 8941 structured fields that RFC 9421 needs, read strictly.
//!
//! One signature a message, under any label. Strings hold no escapes; component parameters are `req` alone.

use crate::SignatureRefusal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use core::fmt::Write;

/// Longest `Signature-Input` read, in bytes: sixteen components of forty bytes and every parameter.
pub const SIGNATURE_INPUT_BYTES_MAX: usize = 1024;
/// Most components one signature covers.
pub const COMPONENTS_MAX: usize = 16;
/// Longest label, component name or parameter name.
const KEY_BYTES_MAX: usize = 64;
/// Longest string value.
const STRING_BYTES_MAX: usize = 256;

/// One covered component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Component<'a> {
    pub(crate) name: &'a str,
    /// Taken from the request although a response is signed (`;req`).
    pub(crate) from_request: bool,
}

/// A `Signature-Input` with its one member.
#[derive(Debug, Default)]
pub(crate) struct SignatureInput<'a> {
    pub(crate) label: &'a str,
    pub(crate) components: Vec<Component<'a>>,
    pub(crate) created: Option<u64>,
    pub(crate) expires: Option<u64>,
    pub(crate) key_id: Option<&'a str>,
    pub(crate) algorithm: Option<&'a str>,
    /// The member's value in canonical form: what the signature base ends with.
    pub(crate) canonical: String,
}

impl<'a> SignatureInput<'a> {
    /// Reads a field value.
    pub(crate) fn parse(text: &'a str) -> Result<Self, SignatureRefusal> {
        if text.len() > SIGNATURE_INPUT_BYTES_MAX {
            return Err(SignatureRefusal::Malformed);
        }
        let mut reader = Reader(text);
        let mut input = Self { canonical: String::with_capacity(text.len()), ..Self::default() };
        input.label = reader.key().ok_or(SignatureRefusal::Malformed)?;
        reader.expect(b'=').ok_or(SignatureRefusal::Malformed)?;
        input.read_components(&mut reader)?;
        input.read_parameters(&mut reader)?;
        if reader.0.is_empty() { Ok(input) } else { Err(SignatureRefusal::Malformed) }
    }

    fn read_components(&mut self, reader: &mut Reader<'a>) -> Result<(), SignatureRefusal> {
        use SignatureRefusal::{ComponentUnknown, Malformed};
        reader.expect(b'(').ok_or(Malformed)?;
        self.canonical.push('(');
        loop {
            reader.spaces();
            if reader.expect(b')').is_some() {
                self.canonical.push(')');
                return Ok(());
            }
            let name = reader.string().ok_or(Malformed)?;
            let from_request = match reader.expect(b';') {
                None => false,
                Some(()) => match reader.key().ok_or(Malformed)? {
                    "req" => true,
                    _ => return Err(ComponentUnknown),
                },
            };
            if !matches!(reader.peek(), Some(b' ' | b')')) || self.components.len() >= COMPONENTS_MAX {
                return Err(Malformed);
            }
            let component = Component { name, from_request };
            if self.components.contains(&component) {
                return Err(Malformed);
            }
            let space = if self.components.is_empty() { "" } else { " " };
            write!(self.canonical, "{space}{component}").expect("writing to a string");
            self.components.push(component);
        }
    }

    fn read_parameters(&mut self, reader: &mut Reader<'a>) -> Result<(), SignatureRefusal> {
        while reader.expect(b';').is_some() {
            reader.spaces();
            self.read_parameter(reader).ok_or(SignatureRefusal::Malformed)?;
        }
        Ok(())
    }

    /// One parameter; `None` if it is unknown, of another type, or stands twice.
    fn read_parameter(&mut self, reader: &mut Reader<'a>) -> Option<()> {
        let name = reader.key()?;
        reader.expect(b'=')?;
        let fresh = match name {
            "created" => self.created.replace(reader.integer()?).is_none(),
            "expires" => self.expires.replace(reader.integer()?).is_none(),
            "keyid" => self.key_id.replace(reader.string()?).is_none(),
            "alg" => self.algorithm.replace(reader.string()?).is_none(),
            _ => false,
        };
        match name {
            "created" => write!(self.canonical, ";created={}", self.created?),
            "expires" => write!(self.canonical, ";expires={}", self.expires?),
            "keyid" => write!(self.canonical, ";keyid=\"{}\"", self.key_id?),
            "alg" => write!(self.canonical, ";alg=\"{}\"", self.algorithm?),
            _ => return None,
        }
        .ok()?;
        fresh.then_some(())
    }
}

impl core::fmt::Display for Component<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "\"{}\"{}", self.name, if self.from_request { ";req" } else { "" })
    }
}

/// The 64 bytes under `label` in a `Signature` field with that one member.
pub(crate) fn parse_signature(text: &str, label: &str) -> Option<[u8; 64]> {
    let encoded = text.strip_prefix(label)?.strip_prefix("=:")?.strip_suffix(':')?;
    let mut bytes = [0; 66];
    let length = STANDARD.decode_slice(encoded, &mut bytes).ok()?;
    bytes[..length].try_into().ok()
}

/// What is still to be read.
struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.0.as_bytes().first().copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(byte as char)?;
        Some(())
    }

    fn spaces(&mut self) {
        self.0 = self.0.trim_start_matches(' ');
    }

    /// Takes the leading bytes that `fits`, at least one and at most `max`.
    fn take(&mut self, max: usize, fits: impl Fn(u8) -> bool) -> Option<&'a str> {
        let length = self.0.bytes().take_while(|&byte| fits(byte)).count();
        if length == 0 || length > max {
            return None;
        }
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(taken)
    }

    fn key(&mut self) -> Option<&'a str> {
        let key =
            self.take(KEY_BYTES_MAX, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.' | b'*'))?;
        key.starts_with(|first: char| first.is_ascii_lowercase() || first == '*').then_some(key)
    }

    fn string(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let text = self.take(STRING_BYTES_MAX, |b| (0x20..0x7f).contains(&b) && !matches!(b, b'"' | b'\\'))?;
        self.expect(b'"')?;
        Some(text)
    }

    /// Digits without leading zeros, at most fifteen (RFC 8941 integers).
    fn integer(&mut self) -> Option<u64> {
        let digits = self.take(15, |b| b.is_ascii_digit())?;
        (digits.len() == 1 || !digits.starts_with('0')).then(|| digits.parse().ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str =
        r#"sig1=("@status" "content-digest" "content-digest";req);created=1700000000;keyid="LUOHU#1";alg="ed25519""#;

    #[test]
    fn members_are_read() {
        let input = SignatureInput::parse(GOOD).unwrap();
        assert_eq!(input.label, "sig1");
        assert_eq!(input.components[2], Component { name: "content-digest", from_request: true });
        assert_eq!((input.created, input.key_id, input.algorithm), (Some(1_700_000_000), Some("LUOHU#1"), Some("ed25519")));
        assert_eq!(format!("sig1={}", input.canonical), GOOD);
        let spaced = SignatureInput::parse(r#"a=( "x"  "y" ); created=1; keyid="k""#).unwrap();
        assert_eq!(spaced.canonical, r#"("x" "y");created=1;keyid="k""#);
    }

    #[test]
    fn malformed_is_refused() {
        use SignatureRefusal::{ComponentUnknown, Malformed};
        let seventeen = format!("a=({})", (0..17).map(|n| format!("\"x{n}\" ")).collect::<String>());
        let long = format!("a=(\"x\");keyid=\"{}\"", "k".repeat(1100));
        for (bad, why) in [
            ("", Malformed),
            ("sig1", Malformed),
            ("sig1=", Malformed),
            ("sig1=(", Malformed),
            ("sig1=(\"a\"\"b\")", Malformed),
            ("sig1=(\"a\" \"a\")", Malformed),
            ("sig1=(\"a\");created=1;created=2", Malformed),
            ("sig1=(\"a\");created=01", Malformed),
            ("sig1=(\"a\");created=-1", Malformed),
            ("sig1=(\"a\");created=\"1\"", Malformed),
            ("sig1=(\"a\");nonce=\"1\"", Malformed),
            ("sig1=(\"a\");keyid=\"a\\\"b\"", Malformed),
            ("sig1=(\"a\"), sig2=(\"b\")", Malformed),
            ("Sig1=(\"a\")", Malformed),
            ("sig1=(\"a\";sf)", ComponentUnknown),
            (&seventeen, Malformed),
            (&long, Malformed),
        ] {
            assert_eq!(SignatureInput::parse(bad).map(|_| ()), Err(why), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "\\PC{0,200}") {
            let _ = SignatureInput::parse(&text);
            let _ = parse_signature(&text, "sig1");
        }

        #[test]
        fn mutated_text_reads_as_itself_or_not_at_all(at in 0..GOOD.len(), byte in 0x20u8..0x7f) {
            let mut bytes = GOOD.as_bytes().to_vec();
            bytes[at] = byte;
            let text = String::from_utf8(bytes).unwrap();
            if let Ok(input) = SignatureInput::parse(&text) {
                let again = format!("{}={}", input.label, input.canonical);
                prop_assert_eq!(SignatureInput::parse(&again).unwrap().canonical, input.canonical);
            }
        }
    }
}
