//! Decimal numbers as scaled integers.

use super::Broken;
use crate::violation::Rule;
use std::fmt;

/// `mantissa / 10^scale`. Equality compares the number, not how it was written.
#[derive(Debug, Clone, Copy)]
pub struct Decimal {
    mantissa: i128,
    scale: u8,
}

/// What a schema demands of a decimal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DecimalFacets {
    pub total_digits: u8,
    pub fraction_digits: u8,
    pub min_inclusive: Option<i128>,
}

impl Decimal {
    /// Most digits kept on either side of the point.
    const DIGITS_MAX: usize = 18;

    /// A number from its digits and the place of its point.
    pub const fn new(mantissa: i128, scale: u8) -> Self {
        Self { mantissa, scale }
    }

    /// Its digits without the point.
    pub const fn mantissa(self) -> i128 {
        self.mantissa
    }

    /// Digits after the point.
    pub const fn scale(self) -> u8 {
        self.scale
    }

    /// Reads `xs:decimal` and checks its facets.
    pub(crate) fn parse(text: &str, facets: &DecimalFacets) -> Result<Self, Broken> {
        let text = crate::xml::trim(text);
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !digits_only(whole) || !digits_only(fraction) {
            return Err(Broken::new(Rule::Decimal, "is not a decimal number"));
        }
        let whole = whole.trim_start_matches('0');
        let significant = fraction.trim_end_matches('0');
        if significant.len() > usize::from(facets.fraction_digits) {
            return Err(Broken::new(Rule::Digits, format!("has more than {} digits after the point", facets.fraction_digits)));
        }
        let leading_zeros = if whole.is_empty() { significant.len() - significant.trim_start_matches('0').len() } else { 0 };
        if whole.len() + significant.len() - leading_zeros > usize::from(facets.total_digits) {
            return Err(Broken::new(Rule::Digits, format!("has more than {} digits", facets.total_digits)));
        }
        let kept = if fraction.len() > Self::DIGITS_MAX { significant } else { fraction };
        let magnitude = whole.bytes().chain(kept.bytes()).fold(0i128, |n, digit| n * 10 + i128::from(digit - b'0'));
        let number = Self { mantissa: if negative { -magnitude } else { magnitude }, scale: kept.len() as u8 };
        number.check_minimum(facets)?;
        Ok(number)
    }

    fn check_minimum(self, facets: &DecimalFacets) -> Result<(), Broken> {
        match facets.min_inclusive {
            Some(min) if self.mantissa < min * 10i128.pow(u32::from(self.scale)) => {
                Err(Broken::new(Rule::Range, format!("is less than {min}")))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Digits after the point that are not zeros at its end.
    pub fn decimals(self) -> u8 {
        self.reduced().1
    }

    /// Without zeros at its end.
    fn reduced(self) -> (i128, u8) {
        let (mut mantissa, mut scale) = (self.mantissa, self.scale);
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        (mantissa, scale)
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.reduced() == other.reduced()
    }
}

impl Eq for Decimal {}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let magnitude = self.mantissa.unsigned_abs();
        let per_whole = 10u128.pow(u32::from(self.scale));
        match self.scale {
            0 => write!(f, "{sign}{magnitude}"),
            scale => write!(f, "{sign}{}.{:0width$}", magnitude / per_whole, magnitude % per_whole, width = usize::from(scale)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMOUNT: DecimalFacets = DecimalFacets { total_digits: 18, fraction_digits: 5, min_inclusive: Some(0) };

    #[test]
    fn what_xml_schema_calls_a_decimal() {
        for (text, printed) in [
            ("1", "1"),
            ("+1.50", "1.50"),
            (" 1.5\n", "1.5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-0", "0"),
            ("0000000000000000000000001.5", "1.5"),
            ("1.500000000000000000000000000000", "1.5"),
            ("999999999999999999", "999999999999999999"),
            ("9999999999999.99999", "9999999999999.99999"),
        ] {
            assert_eq!(Decimal::parse(text, &AMOUNT).unwrap().to_string(), printed, "{text}");
        }
    }

    #[test]
    fn what_it_does_not() {
        for (text, rule) in [
            ("", Rule::Decimal),
            (".", Rule::Decimal),
            ("+", Rule::Decimal),
            ("1,5", Rule::Decimal),
            ("1e3", Rule::Decimal),
            ("NaN", Rule::Decimal),
            ("1 2", Rule::Decimal),
            ("+-1", Rule::Decimal),
            ("1.000001", Rule::Digits),
            ("1234567890123456789", Rule::Digits),
            ("-0.01", Rule::Range),
        ] {
            assert_eq!(Decimal::parse(text, &AMOUNT).unwrap_err().rule, rule, "{text}");
        }
    }

    #[test]
    fn zeros_before_the_first_digit_do_not_count() {
        let rate = DecimalFacets { total_digits: 3, fraction_digits: 10, min_inclusive: None };
        assert_eq!(Decimal::parse("-0.00123", &rate).unwrap().mantissa(), -123);
        assert_eq!(Decimal::parse("1.0001", &rate).unwrap_err().rule, Rule::Digits);
    }
}
