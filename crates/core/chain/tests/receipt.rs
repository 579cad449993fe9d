//! Receipts: a good one verifies with public keys alone (CHN-03), every changed byte is found, arbitrary text is refused.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use chain::{
    BlockHeader, Checkpoint, FinalRecord, FinalState, Hash, MerkleTree, Receipt, ReceiptError, SignedCheckpoint, VerifierKey,
    sha256,
};
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;

fn record(n: u8) -> FinalRecord {
    FinalRecord {
        uetr: [n; 16],
        content: [0xC0; 32],
        debtor_agent: *b"HARBHKHHXXX",
        creditor_agent: *b"PENGCNBSXXX",
        debit_minor: 100_000,
        debit_currency: *b"HKD",
        debit_exponent: 2,
        credit_minor: 92_021,
        credit_currency: *b"CNY",
        credit_exponent: 2,
        state: FinalState::Settled,
        reason: *b"    ",
        time_ns: 1_764_000_000_000_000_000,
        height: 17,
        returns: None,
    }
}

/// The second half of what [`record`] settled, sent back.
fn return_record() -> FinalRecord {
    FinalRecord {
        debtor_agent: *b"PENGCNBSXXX",
        creditor_agent: *b"HARBHKHHXXX",
        debit_minor: 46_010,
        debit_currency: *b"CNY",
        credit_minor: 46_010,
        reason: *b"AC04",
        returns: Some([5; 16]),
        ..record(6)
    }
}

fn receipt() -> (Receipt, VerifierKey) {
    let signer = SigningKey::from_bytes(&[9; 32]);
    let key = VerifierKey::new("LUOHU", signer.verifying_key().to_bytes()).unwrap();
    let mut tree = MerkleTree::new();
    (0..7).for_each(|n| tree.push_leaf_hash(record(n).leaf()));
    let root = tree.root_at(7).unwrap();
    let checkpoint =
        Checkpoint { origin: "luohu.example/settlement".into(), size: 7, root, height: 18, time_ns: 1_764_000_000_000_000_001 };
    let signature = signer.sign(checkpoint.body().as_bytes()).to_bytes();
    let checkpoint = SignedCheckpoint::assemble(checkpoint, &key, signature);
    (Receipt { record: record(5), index: 5, proof: tree.inclusion_proof(5, 7).unwrap(), checkpoint, finality: None }, key)
}

#[test]
fn golden_text() {
    let (receipt, key) = receipt();
    let text = format!("{key}\n{}", receipt.to_text());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/receipt.txt");
    if std::env::var_os("LUOHU_BLESS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(path).unwrap());
}

#[test]
fn a_receipt_has_one_text() {
    let (receipt, _) = receipt();
    let text = receipt.to_text();
    assert_eq!(Receipt::parse(&text), Ok(receipt));
    for other in ["index 05", "index +5", "index 5 ", "index  5"] {
        assert_eq!(Receipt::parse(&text.replacen("index 5", other, 1)), Err(ReceiptError::Format), "{other}");
    }
}

#[test]
fn golden_bytes() {
    let header = BlockHeader {
        height: 17,
        time_ns: 1_764_000_000_000_000_000,
        parent: sha256(b"parent"),
        body: sha256(b"body"),
        state_root: sha256(b"state"),
        tree_size: 7,
        tree_root: sha256(b"tree"),
        first_position: 40,
        command_count: 2,
        body_bytes: 160,
    };
    assert_eq!(BlockHeader::decode(&header.encode()), Ok(header));
    assert_eq!(FinalRecord::decode(&return_record().encode()), Ok(return_record()));
    let [record, returned] = [record(5), return_record()];
    let lines = [
        hex(&header.encode()),
        header.hash().to_string(),
        hex(&record.encode()),
        record.leaf().to_string(),
        hex(&returned.encode()),
        returned.leaf().to_string(),
    ];
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/block.txt");
    let text = lines.join("\n") + "\n";
    if std::env::var_os("LUOHU_BLESS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(path).unwrap());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_receipt_verifies_with_the_key_alone() {
    let (receipt, key) = receipt();
    let read = Receipt::parse(&receipt.to_text()).unwrap();
    let key: VerifierKey = key.to_string().parse().unwrap();
    let proved = read.verify(std::slice::from_ref(&key)).unwrap();
    assert_eq!((proved.record, proved.index, proved.checkpoint.size), (record(5), 5, 7));
    let other = VerifierKey::new("LUOHU", SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes()).unwrap();
    assert!(read.verify(&[other]).is_err());
    assert!(read.verify(&[]).is_err());
}

#[test]
fn every_changed_byte_of_a_receipt_is_found() {
    let (receipt, key) = receipt();
    let text = receipt.to_text();
    for at in 0..text.len() {
        for change in [1u8, 0x20, 0x80] {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= change;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let verdict = Receipt::parse(&changed).and_then(|receipt| receipt.verify(std::slice::from_ref(&key)));
            assert!(verdict.is_err(), "byte {at} changed by {change:#x} still verifies:\n{changed}");
        }
    }
}

#[test]
fn every_flipped_bit_of_a_header_is_found() {
    let bytes = BlockHeader {
        height: 1,
        time_ns: 2,
        parent: Hash::default(),
        body: Hash::default(),
        state_root: Hash::default(),
        tree_size: 3,
        tree_root: Hash::default(),
        first_position: 4,
        command_count: 5,
        body_bytes: 6,
    }
    .encode();
    let hash = sha256(&bytes);
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes;
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(BlockHeader::decode(&changed).is_err() || sha256(&changed) != hash);
    }
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text: String, bytes: Vec<u8>) {
        prop_assert!(Receipt::parse(&text).is_err());
        prop_assert!(SignedCheckpoint::parse(&text).is_err());
        prop_assert!(FinalRecord::decode(&bytes).is_err());
        prop_assert!(BlockHeader::decode(&bytes).is_err());
        let _ = text.parse::<VerifierKey>();
    }
}
