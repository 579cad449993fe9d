//! Active ISO 4217 currencies with their decimals, and ISO 3166 country codes.
//!
//! Codes without a minor unit (precious metals, units of account, testing) are left out: nobody can pay in them here.

use money::{Currency, CurrencyCode};

const NO_DECIMALS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
const TWO_DECIMALS: &str = "\
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC \
CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR \
KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN \
PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS \
UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";
const THREE_DECIMALS: &str = "BHD IQD JOD KWD LYD OMR TND";
const FOUR_DECIMALS: &str = "CLF UYW";

const COUNTRIES: &str = "\
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG \
CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL \
GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA \
LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP \
NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV \
SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// Whether `code` stands at its own place in a list of codes of one length, separated by blanks.
fn is_in(list: &str, code: &str) -> bool {
    list.as_bytes().chunks(code.len() + 1).any(|entry| &entry[..code.len().min(entry.len())] == code.as_bytes())
}

/// The active ISO 4217 currency with this code.
pub fn currency(code: CurrencyCode) -> Option<Currency> {
    let text = code.as_str();
    let exponent = [(TWO_DECIMALS, 2), (NO_DECIMALS, 0), (THREE_DECIMALS, 3), (FOUR_DECIMALS, 4)]
        .into_iter()
        .find(|(list, _)| is_in(list, text))
        .map(|(_, exponent)| exponent)?;
    Currency::new(code, exponent).ok()
}

/// Whether two letters are an ISO 3166-1 country code; `XK` (Kosovo, user-assigned, used in BICs) counts.
pub fn is_country(code: &str) -> bool {
    code.len() == 2 && (is_in(COUNTRIES, code) || code == "XK")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_those_of_iso_4217() {
        for (code, exponent) in [("HKD", 2), ("CNY", 2), ("USD", 2), ("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4)] {
            assert_eq!(currency(code.parse().unwrap()).map(|c| c.exponent), Some(exponent), "{code}");
        }
        for code in ["XAU", "XXX", "ZZZ", "CNH"] {
            assert_eq!(currency(code.parse().unwrap()), None, "{code}");
        }
    }

    #[test]
    fn countries_are_those_of_iso_3166() {
        assert_eq!(COUNTRIES.split(' ').count(), 249);
        assert!(COUNTRIES.split(' ').collect::<Vec<_>>().is_sorted());
        for (code, known) in [("HK", true), ("CN", true), ("XK", true), ("XX", false), ("D ", false), ("hk", false), ("", false)]
        {
            assert_eq!(is_country(code), known, "{code}");
        }
    }
}
