//! Aliases: what stands for an account, in one form each.

use core::fmt;

/// Longest e-mail address, in bytes (RFC 5321, 4.5.3.1.3: a path of 256 less its brackets).
const EMAIL_BYTES_MAX: usize = 254;
/// Longest part before the `@`, in bytes (RFC 5321, 4.5.3.1.1).
const LOCAL_PART_BYTES_MAX: usize = 64;
/// What a scheme identifier begins with, so that it is never taken for an account number.
const SCHEME_PREFIX: &str = "LH";
/// Digits of a scheme identifier before its check digit: a thousand million of them.
const SCHEME_DIGITS: u32 = 9;

/// What an alias is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AliasKind {
    /// A mobile number of Hong Kong or the mainland (E.164).
    Mobile,
    /// An e-mail address.
    Email,
    /// A number the directory drew. It tells nothing of its holder.
    SchemeId,
}

impl AliasKind {
    /// As text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mobile => "mobile",
            Self::Email => "email",
            Self::SchemeId => "scheme_id",
        }
    }

    /// ISO external proxy account type code (`ExternalProxyAccountType1Code`). `SHID` is a proxy that a payment scheme issues.
    pub const fn iso_code(self) -> &'static str {
        match self {
            Self::Mobile => "MBNO",
            Self::Email => "EMAL",
            Self::SchemeId => "SHID",
        }
    }
}

/// Why a text is no alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AliasFault {
    /// Neither kind.
    #[error(
        "neither a mobile number beginning with +, an e-mail address, nor a scheme identifier beginning with {SCHEME_PREFIX}"
    )]
    NoKind,
    /// A number of another country or length.
    #[error("not a mobile number of Hong Kong (+852 and 8 digits) or the mainland (+86 and 11 digits)")]
    Mobile,
    /// Not an address.
    #[error("not an e-mail address")]
    Email,
    /// A digit is wrong, missing or too many.
    #[error("not a scheme identifier: a digit is wrong")]
    SchemeId,
}

/// What stands for an account, in its one form: two texts that mean the same are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Alias {
    kind: KindAndText,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum KindAndText {
    Mobile(String),
    Email(String),
    SchemeId(String),
}

impl Alias {
    /// Reads what somebody typed.
    ///
    /// # Errors
    /// If it is none of the kinds.
    pub fn parse(typed: &str) -> Result<Self, AliasFault> {
        let typed = typed.trim();
        let kind = if typed.starts_with('+') {
            KindAndText::Mobile(mobile(typed).ok_or(AliasFault::Mobile)?)
        } else if typed.contains('@') {
            KindAndText::Email(email(typed).ok_or(AliasFault::Email)?)
        } else if typed.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(SCHEME_PREFIX)) {
            KindAndText::SchemeId(scheme_id(typed).ok_or(AliasFault::SchemeId)?)
        } else {
            return Err(AliasFault::NoKind);
        };
        Ok(Self { kind })
    }

    /// The scheme identifier of a random number. Whether it is taken is for the store to say.
    pub(crate) fn drawn(random: u64) -> Self {
        let number = random % 10u64.pow(SCHEME_DIGITS);
        let digits = format!("{number:0width$}", width = SCHEME_DIGITS as usize);
        let check = check_digit(digits.bytes());
        Self { kind: KindAndText::SchemeId(format!("{SCHEME_PREFIX}{digits}{check}")) }
    }

    /// What it is.
    pub const fn kind(&self) -> AliasKind {
        match self.kind {
            KindAndText::Mobile(_) => AliasKind::Mobile,
            KindAndText::Email(_) => AliasKind::Email,
            KindAndText::SchemeId(_) => AliasKind::SchemeId,
        }
    }

    /// Its text: `+85261234567`, `lina@example.com`, `LH1234567897`.
    pub fn as_str(&self) -> &str {
        match &self.kind {
            KindAndText::Mobile(text) | KindAndText::Email(text) | KindAndText::SchemeId(text) => text,
        }
    }

    /// So much of it that its holder recognises it: `+852****4567`, `li***@example.com`.
    pub fn masked(&self) -> String {
        match &self.kind {
            KindAndText::Mobile(text) | KindAndText::SchemeId(text) => {
                let shown = if text.starts_with("+852") { 4 } else { 3 };
                format!("{}****{}", &text[..shown], &text[text.len() - 4..])
            }
            KindAndText::Email(text) => {
                let (local, domain) = text.split_once('@').unwrap_or((text, ""));
                let shown: String = local.chars().take(if local.len() > 4 { 2 } else { 1 }).collect();
                format!("{shown}***@{domain}")
            }
        }
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `+` and digits: eight behind 852, eleven beginning with 1 behind 86. Blanks, hyphens and brackets are left out.
fn mobile(typed: &str) -> Option<String> {
    let digits: String = typed.strip_prefix('+')?.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')')).collect();
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    let local = |country: &str, length: usize| digits.strip_prefix(country).filter(|local| local.len() == length);
    let known = local("852", 8).is_some() || local("86", 11).is_some_and(|local| local.starts_with('1'));
    (all_digits && known).then(|| format!("+{digits}"))
}

/// One `@`, a dotted domain, characters that addresses have without quotes; in small letters, as every provider here takes them.
fn email(typed: &str) -> Option<String> {
    let (local, domain) = typed.split_once('@')?;
    let local_ok = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~.-".contains(&byte);
    let dots_ok = |text: &str| !text.starts_with('.') && !text.ends_with('.') && !text.contains("..");
    let label_ok = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let good = typed.len() <= EMAIL_BYTES_MAX
        && (1..=LOCAL_PART_BYTES_MAX).contains(&local.len())
        && local.bytes().all(local_ok)
        && dots_ok(local)
        && domain.contains('.')
        && domain.split('.').all(label_ok);
    good.then(|| typed.to_ascii_lowercase())
}

fn scheme_id(typed: &str) -> Option<String> {
    let digits: String = typed.get(SCHEME_PREFIX.len()..)?.chars().filter(|c| *c != ' ').collect();
    let well_formed = digits.len() == SCHEME_DIGITS as usize + 1 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let (number, check) = digits.split_at_checked(SCHEME_DIGITS as usize)?;
    let right = well_formed && check == check_digit(number.bytes()).to_string();
    right.then(|| format!("{SCHEME_PREFIX}{digits}"))
}

/// The check digit of ISO 7064 MOD 11,10: finds every wrong digit and nearly every swap of two neighbours.
fn check_digit(digits: impl Iterator<Item = u8>) -> u32 {
    let product = digits.fold(10, |product, digit| {
        let sum = (product + u32::from(digit - b'0')) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is typed, and its one form or what is wrong.
    #[test]
    fn aliases_have_one_form() {
        use AliasFault as F;
        let cases: [(&str, Result<&str, F>); 22] = [
            ("+852 6123-4567", Ok("+85261234567")),
            (" +852(6123)4567 ", Ok("+85261234567")),
            ("+86 139 0001 0001", Ok("+8613900010001")),
            ("Li.Na+pay@Example.COM", Ok("li.na+pay@example.com")),
            ("lh 123456789 0", Err(F::SchemeId)),
            ("+852 6123 456", Err(F::Mobile)),
            ("+852 6123 45678", Err(F::Mobile)),
            ("+86 239 0001 0001", Err(F::Mobile)),
            ("+44 7700 900000", Err(F::Mobile)),
            ("+852 6123 456x", Err(F::Mobile)),
            ("+", Err(F::Mobile)),
            ("a@b", Err(F::Email)),
            ("a@@example.com", Err(F::Email)),
            (".a@example.com", Err(F::Email)),
            ("a..b@example.com", Err(F::Email)),
            ("a b@example.com", Err(F::Email)),
            ("陳@example.com", Err(F::Email)),
            ("a@-example.com", Err(F::Email)),
            ("@example.com", Err(F::Email)),
            ("LH", Err(F::SchemeId)),
            ("6217002000010001", Err(F::NoKind)),
            ("", Err(F::NoKind)),
        ];
        for (typed, expected) in cases {
            assert_eq!(Alias::parse(typed).as_ref().map(Alias::as_str), expected.as_ref().copied(), "{typed:?}");
        }
    }

    #[test]
    fn a_drawn_identifier_reads_and_no_other_check_digit_does() {
        for random in [0, 1, 123_456_789, 999_999_999, u64::MAX] {
            let drawn = Alias::drawn(random);
            assert_eq!(Alias::parse(drawn.as_str()), Ok(drawn.clone()));
            let (number, check) = drawn.as_str().split_at(drawn.as_str().len() - 1);
            let others = (0..10).map(|digit| digit.to_string()).filter(|digit| digit != check);
            assert!(others.map(|digit| Alias::parse(&format!("{number}{digit}"))).all(|read| read == Err(AliasFault::SchemeId)));
        }
        // The example of the standard: 0794 has the check digit 5.
        assert_eq!(check_digit("0794".bytes()), 5);
    }

    #[test]
    fn every_wrong_digit_is_found() {
        let drawn = Alias::drawn(407_218_365);
        let text = drawn.as_str();
        for at in SCHEME_PREFIX.len()..text.len() {
            for digit in '0'..='9' {
                let mut typed: Vec<char> = text.chars().collect();
                typed[at] = digit;
                let typed: String = typed.into_iter().collect();
                assert_eq!(Alias::parse(&typed).is_ok(), typed == text, "{typed}");
            }
        }
    }

    #[test]
    fn a_holder_recognises_what_a_stranger_does_not_learn() {
        for (typed, shown) in [
            ("+85261234567", "+852****4567"),
            ("+8613900010001", "+86****0001"),
            ("lina@example.com", "l***@example.com"),
            ("zhangwei@example.com", "zh***@example.com"),
        ] {
            assert_eq!(Alias::parse(typed).unwrap().masked(), shown);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_read_is_read_again_the_same(typed in "[+@.a-zA-Z0-9 -]{0,40}|\\+852[0-9 -]{8,10}|[a-z.]{1,9}@[a-z]{1,9}\\.hk") {
            if let Ok(alias) = Alias::parse(&typed) {
                proptest::prop_assert_eq!(Alias::parse(alias.as_str()), Ok(alias.clone()));
                proptest::prop_assert!(!alias.masked().is_empty());
            }
        }
    }
}
