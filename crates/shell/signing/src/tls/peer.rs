//! Who a certificate is for: its subject's common name, read with just enough DER (X.690) and no more.
//!
//! The certificate has been verified by the time anybody asks, so a certificate that does not read is nobody's.

use rustls::pki_types::CertificateDer;

/// Object identifier 2.5.4.3, common name.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const VERSION: u8 = 0xa0;

/// The participant a certificate is for: a common name of eleven characters.
pub fn peer_bic(certificate: &CertificateDer<'_>) -> Option<[u8; 11]> {
    peer_common_name(certificate)?.as_bytes().try_into().ok()
}

/// The subject's common name; `None` if there is not exactly one.
pub fn peer_common_name<'a>(certificate: &'a CertificateDer<'_>) -> Option<&'a str> {
    let mut outer = Der(certificate.as_ref());
    let mut certificate = Der(outer.value(SEQUENCE)?);
    let mut to_be_signed = Der(certificate.value(SEQUENCE)?);
    if to_be_signed.tag() == Some(VERSION) {
        to_be_signed.next()?;
    }
    // Serial number, signature algorithm, issuer, validity.
    for _ in 0..4 {
        to_be_signed.next()?;
    }
    let mut subject = Der(to_be_signed.value(SEQUENCE)?);
    let mut found = None;
    while !subject.0.is_empty() {
        let mut attributes = Der(subject.value(SET)?);
        while !attributes.0.is_empty() {
            let mut attribute = Der(attributes.value(SEQUENCE)?);
            if attribute.value(OBJECT_IDENTIFIER)? != COMMON_NAME {
                continue;
            }
            let (UTF8_STRING | PRINTABLE_STRING, name) = attribute.next()? else { return None };
            if found.replace(core::str::from_utf8(name).ok()?).is_some() {
                return None;
            }
        }
    }
    found
}

/// Elements still to be read.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element's tag and content. Lengths of up to three bytes: certificates are smaller than 16 MiB.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let length = match first {
            0..=0x7f => usize::from(first),
            0x81..=0x83 => {
                let (digits, after) = rest.split_at_checked(usize::from(first & 0x0f))?;
                rest = after;
                digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit))
            }
            0x80 | 0x84..=0xff => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The next element's content if it has this tag.
    fn value(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, content) = self.next()?;
        (found == tag).then_some(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DevCa;
    use proptest::prelude::*;

    #[test]
    fn the_common_name_is_the_bic() {
        let folder = tempfile::tempdir().unwrap();
        let authority = DevCa::open_or_create(folder.path()).unwrap();
        let bank = authority.issue_client("HARBHKHHXXX").unwrap();
        assert_eq!(peer_bic(&bank.certificate), Some(*b"HARBHKHHXXX"));
        let server = authority.issue_server(&["localhost", "127.0.0.1"]).unwrap();
        assert_eq!(peer_common_name(&server.certificate), Some("localhost"));
        assert_eq!(peer_bic(&server.certificate), None);
    }

    #[test]
    fn cut_or_changed_certificates_never_panic() {
        let folder = tempfile::tempdir().unwrap();
        let bank = DevCa::open_or_create(folder.path()).unwrap().issue_client("HARBHKHHXXX").unwrap();
        for length in 0..bank.certificate.len() {
            assert_eq!(peer_bic(&CertificateDer::from(&bank.certificate[..length])), None);
        }
        for at in 0..bank.certificate.len() {
            for byte in [0, 0x30, 0x7f, 0x80, 0x83, 0xff] {
                let mut changed = bank.certificate.to_vec();
                changed[at] = byte;
                let _ = peer_bic(&CertificateDer::from(changed));
            }
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = peer_bic(&CertificateDer::from(bytes));
        }
    }
}
