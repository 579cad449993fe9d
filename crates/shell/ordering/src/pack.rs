//! How messages are packed in the vault: LZ4, with what messages of the scheme have in common known beforehand.
//!
//! A packed message is `u32 bytes of the message | seal 8 | LZ4 block`, little endian. The seal is the beginning of SHA-256 over
//! the block: a block can be changed and still say the same message, and a changed bit must be found. The block may refer back into `pack.dict`, the
//! skeletons of a return, an answer and payments, whose bytes are therefore part of the format: they never change. Another
//! dictionary would be another mark in the vault. Two thirds of a payment's message are in it, and most of the rest is
//! signatures and identifiers, which nothing makes shorter.

use chain::sha256;
use lz4_flex::block::{compress_with_dict, decompress_with_dict};

/// Sorted from rare to common: what is near the end is found first.
const DICTIONARY: &[u8] = include_bytes!("pack.dict");
const LENGTH_BYTES: usize = 4;
const SEAL_BYTES: usize = 8;
/// No LZ4 block grows by more when it is unpacked: each byte of a run's length stands for 255.
const GROWTH_MAX: usize = 256;

/// The message packed; `None` if that would not be shorter.
pub(crate) fn pack(message: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(message.len()).ok()?;
    let block = compress_with_dict(message, DICTIONARY);
    let packed = LENGTH_BYTES + SEAL_BYTES + block.len();
    (packed < message.len()).then(|| [&length.to_le_bytes()[..], &seal(&block), &block].concat())
}

/// The message that was packed; `None` if nothing was ever packed like this.
pub(crate) fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let (length, rest) = packed.split_first_chunk::<LENGTH_BYTES>()?;
    let (sealed, block) = rest.split_first_chunk::<SEAL_BYTES>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    // Memory is for what can be there, whatever a damaged length claims.
    if *sealed != seal(block) || length > block.len().saturating_mul(GROWTH_MAX) {
        return None;
    }
    decompress_with_dict(block, length, DICTIONARY).ok().filter(|message| message.len() == length)
}

fn seal(block: &[u8]) -> [u8; SEAL_BYTES] {
    let [a, b, c, d, e, f, g, h, ..] = sha256(block).0;
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAYMENT: &str = "Content-Digest: sha-256=:AacmmUH3btkqaBKk2j49iE77P5zC3sGujKzHOsaLgsE=:\n\n\
        <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08\"><FIToFICstmrCdtTrf><GrpHdr><MsgId>HARB20261124000001\
        </MsgId><CreDtTm>2026-11-24T09:00:00.123Z</CreDtTm><NbOfTxs>1</NbOfTxs><SttlmInf><SttlmMtd>CLRG</SttlmMtd><ClrSys><Prtry>\
        LUOHU</Prtry></ClrSys></SttlmInf></GrpHdr><CdtTrfTxInf><PmtId><InstrId>I1</InstrId><EndToEndId>RENT-11</EndToEndId>";

    /// What was packed with other bytes could not be read any more.
    #[test]
    fn the_dictionary_never_changes() {
        let hex: String = sha256(DICTIONARY).0.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "efa7996852e0a2e9b2debc92e24b35cbf750f84ed9bbe7aab28c8d7ddb84c3fe");
    }

    /// A packed message of today is read for ever.
    #[test]
    fn the_layout_is_golden() {
        let packed = concat!(
            "5d000000ab5a66082860c68501740801f807df4368616e20536975204d696e67f8010270486f6e67204b6f1e00080a01040e",
            "0900b200040a01602f446274723e"
        );
        let byte = |at| u8::from_str_radix(&packed[at..at + 2], 16).unwrap();
        let packed: Vec<u8> = (0..packed.len()).step_by(2).map(byte).collect();
        let message = b"<Dbtr><Nm>Chan Siu Ming</Nm><PstlAdr><TwnNm>Hong Kong</TwnNm><Ctry>HK</Ctry></PstlAdr></Dbtr>";
        assert_eq!(unpack(&packed).as_deref(), Some(&message[..]));
    }

    #[test]
    fn a_payment_takes_less_than_half() {
        let packed = pack(PAYMENT.as_bytes()).unwrap();
        assert!(packed.len() * 2 < PAYMENT.len(), "{} of {}", packed.len(), PAYMENT.len());
        assert_eq!(unpack(&packed).as_deref(), Some(PAYMENT.as_bytes()));
    }

    #[test]
    fn what_would_not_be_shorter_is_not_packed() {
        assert_eq!(pack(b""), None);
        assert_eq!(pack(&sha256(b"a key").0), None);
    }

    #[test]
    fn a_length_that_cannot_be_takes_no_memory() {
        let mut packed = pack(PAYMENT.as_bytes()).unwrap();
        packed[..LENGTH_BYTES].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(unpack(&packed), None);
        assert_eq!(unpack(&[]), None);
    }

    #[test]
    fn any_flipped_bit_is_found() {
        let packed = pack(PAYMENT.as_bytes()).unwrap();
        for bit in 0..packed.len() * 8 {
            let mut flipped = packed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unpack(&flipped), None, "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_packed_is_read_back(message in prop::collection::vec(0u8..4, 0..600), twice in any::<bool>()) {
            let message = if twice { [&message[..], PAYMENT.as_bytes(), &message].concat() } else { message };
            if let Some(packed) = pack(&message) {
                prop_assert!(packed.len() < message.len());
                prop_assert_eq!(unpack(&packed), Some(message));
            }
        }

        #[test]
        fn any_bytes_are_unpacked_or_not(packed in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack(&packed);
        }
    }
}
