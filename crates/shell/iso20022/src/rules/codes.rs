//! Check digits and the country inside a BIC.

use crate::currencies;

/// ISO 7064 mod 97-10 over letters (10–35) and digits: the remainder is 1.
fn mod_97_is_1(characters: impl Iterator<Item = u8>) -> bool {
    let mut remainder = 0u32;
    for byte in characters {
        remainder = match byte {
            b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
            b'A'..=b'Z' => (remainder * 100 + u32::from(byte - b'A') + 10) % 97,
            b'a'..=b'z' => (remainder * 100 + u32::from(byte - b'a') + 10) % 97,
            _ => return false,
        };
    }
    remainder == 1
}

/// Whether an IBAN's check digits fit.
pub(super) fn is_iban(iban: &str) -> bool {
    iban.len() >= 5 && mod_97_is_1(iban.bytes().skip(4).chain(iban.bytes().take(4)))
}

/// Whether an LEI's check digits fit.
pub(super) fn is_lei(lei: &str) -> bool {
    lei.len() == 20 && mod_97_is_1(lei.bytes())
}

/// Whether the country inside a BIC exists.
pub(super) fn bic_country_exists(bic: &str) -> bool {
    bic.get(4..6).is_some_and(currencies::is_country)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits() {
        for (iban, fits) in
            [("GB29NWBK60161331926819", true), ("GB29NWBK60161331926818", false), ("DE89370400440532013000", true), ("GB", false)]
        {
            assert_eq!(is_iban(iban), fits, "{iban}");
        }
        for (lei, fits) in [("529900T8BM49AURSDO55", true), ("529900T8BM49AURSDO00", false)] {
            assert_eq!(is_lei(lei), fits, "{lei}");
        }
        assert!(bic_country_exists("HARBHKHHXXX") && !bic_country_exists("HELSZZHHXXX") && !bic_country_exists("HEL"));
    }
}
