//! Canonical bytes of tariffs, kept for ever in blocks.

use super::{ChargeBearer, Price, Tariff, TariffLine};
use crate::codec::{put_u32, put_u64, take, take_currency, take_u32, take_u64};
use crate::rules::{put_kind, put_list, put_name, put_purpose, take_iso_purpose, take_kind, take_list, take_optional_name};
use crate::{DecodeError, Time};
use money::MinorUnits;

impl Tariff {
    /// Appends the canonical bytes. Lists are bounded below 256.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.version);
        put_u64(out, self.effective_from.0);
        put_list(out, &self.lines, encode_line);
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { version: take_u32(bytes)?, effective_from: Time(take_u64(bytes)?), lines: take_list(bytes, decode_line)? })
    }
}

fn encode_line(out: &mut Vec<u8>, line: &TariffLine) {
    put_name(out, Some(line.code));
    put_name(out, line.corridor);
    put_kind(out, line.debtor);
    put_kind(out, line.creditor);
    put_list(out, &line.purposes, put_purpose);
    out.push(match line.bearer {
        ChargeBearer::Debtor => 0,
        ChargeBearer::Creditor => 1,
        ChargeBearer::Shared => 2,
    });
    put_list(out, &line.prices, |out, price| {
        out.extend_from_slice(&price.currency.code.bytes());
        out.push(price.currency.exponent);
        put_u64(out, price.flat.0);
        put_u32(out, price.ppm);
        put_u64(out, price.min.0);
        put_u64(out, price.max.0);
    });
}

fn decode_line(bytes: &mut &[u8]) -> Result<TariffLine, DecodeError> {
    Ok(TariffLine {
        code: take_optional_name(bytes)?.ok_or(DecodeError::Unknown("name of a price"))?,
        corridor: take_optional_name(bytes)?,
        debtor: take_kind(bytes)?,
        creditor: take_kind(bytes)?,
        purposes: take_list(bytes, take_iso_purpose)?,
        bearer: match take(bytes)? {
            [0] => ChargeBearer::Debtor,
            [1] => ChargeBearer::Creditor,
            [2] => ChargeBearer::Shared,
            [3..=255] => return Err(DecodeError::Unknown("bearer of charges")),
        },
        prices: take_list(bytes, |bytes| {
            Ok(Price {
                currency: take_currency(bytes)?,
                flat: MinorUnits(take_u64(bytes)?),
                ppm: take_u32(bytes)?,
                min: MinorUnits(take_u64(bytes)?),
                max: MinorUnits(take_u64(bytes)?),
            })
        })?,
    })
}
