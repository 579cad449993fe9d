//! Receipts, checkpoints and keys as text: one text for each, and none that proves what was not signed.

use crate::Target;
use chain::{
    BlockHeader, Checkpoint, FinalRecord, FinalState, MerkleTree, Receipt, SignedCheckpoint, VerifierKey, verify_consistency,
};
use signing::{FileSigner, Signer, sign_checkpoint};
use std::sync::LazyLock;

pub(crate) const TARGET: Target = Target {
    name: "receipt",
    about: "what is read prints as it was; what verifies is a payment in the signed tree, at its place",
    run,
    seeds,
    words: &[
        "c2sp.org/tlog-proof@v1\n",
        "extra ",
        "index ",
        "+",
        "0",
        "00",
        "18446744073709551615",
        "height ",
        "time_ns ",
        "\u{2014} ",
        "\n\n",
        "\r\n",
        " ",
        "=",
        "==",
        "LUOHU",
        "luohu.example/settlement\n",
        "AQ",
    ],
};

const LEAVES: u8 = 7;

static KEY: LazyLock<VerifierKey> = LazyLock::new(|| {
    let signer = FileSigner::from_seed("LUOHU#1", &[9; 32]);
    VerifierKey::new("LUOHU", signer.public_key()).expect("a name without blanks")
});
static TREE: LazyLock<MerkleTree> = LazyLock::new(|| {
    let mut tree = MerkleTree::new();
    (0..LEAVES).for_each(|n| tree.push_leaf_hash(record(n).leaf()));
    tree
});

fn record(n: u8) -> FinalRecord {
    FinalRecord {
        uetr: [n; 16],
        content: [0xC0; 32],
        debtor_agent: *b"HARBHKHHXXX",
        creditor_agent: *b"PENGCNBSXXX",
        debit_minor: 100_000 + u64::from(n),
        debit_currency: *b"HKD",
        debit_exponent: 2,
        credit_minor: 92_021,
        credit_currency: *b"CNY",
        credit_exponent: 2,
        state: if n.is_multiple_of(3) { FinalState::Rejected } else { FinalState::Settled },
        reason: if n.is_multiple_of(3) { *b"AB05" } else { *b"    " },
        time_ns: 1_795_510_800_000_000_000,
        height: 17,
        returns: (n == 7).then_some([6; 16]),
    }
}

/// The checkpoint that was signed when the tree had `size` leaves.
fn checkpoint(size: u64) -> Checkpoint {
    let root = TREE.root_at(size).expect("the tree was of this size");
    Checkpoint { origin: "luohu.example/settlement".into(), size, root, height: 10 + size, time_ns: 1_795_510_800_000_000_001 }
}

fn signed(size: u64) -> SignedCheckpoint {
    let signer = FileSigner::from_seed("LUOHU#1", &[9; 32]);
    sign_checkpoint(checkpoint(size), &signer, "LUOHU").expect("a name without blanks")
}

fn run(input: &[u8]) -> bool {
    if let Ok(record) = FinalRecord::decode(input) {
        assert_eq!(record.encode(), input, "one encoding of a record");
    }
    if let Ok(header) = BlockHeader::decode(input) {
        assert_eq!(header.encode(), input, "one encoding of a header");
    }
    let Ok(text) = core::str::from_utf8(input) else { return false };
    key(text) | note(text) | receipt(text)
}

fn key(text: &str) -> bool {
    let Ok(key) = text.parse::<VerifierKey>() else { return false };
    assert_eq!(key.to_string(), text.trim(), "one text of a key");
    true
}

fn note(text: &str) -> bool {
    let Ok(note) = SignedCheckpoint::parse(text) else { return false };
    assert_eq!(note.to_text(), text, "one text of a checkpoint");
    if let Ok(verified) = note.verify(core::slice::from_ref(&KEY)) {
        is_ours(verified);
    }
    true
}

/// The checkpoint is one that was signed; with size 7 it is consistent with the one before.
fn is_ours(verified: &Checkpoint) {
    assert!([4, 7].iter().any(|&size| checkpoint(size) == *verified), "nobody signed this: {verified:?}");
    let proof = TREE.consistency_proof(4, verified.size).expect("the tree grew so");
    assert_eq!(verify_consistency(4, verified.size, &checkpoint(4).root, &verified.root, &proof), Ok(()));
}

fn receipt(text: &str) -> bool {
    let Ok(receipt) = Receipt::parse(text) else { return false };
    assert_eq!(receipt.to_text(), text, "one text of a receipt");
    if let Ok(verified) = receipt.verify(core::slice::from_ref(&KEY)) {
        is_ours(&verified.checkpoint);
        let place = u8::try_from(verified.index).expect("the tree is small");
        assert!(u64::from(place) < verified.checkpoint.size, "behind the tree");
        assert_eq!(verified.record, record(place), "another record than the one at its place");
    }
    true
}

fn seeds() -> Vec<(String, Vec<u8>)> {
    let receipt = |index: u8, size: u64| {
        let proof = TREE.inclusion_proof(index.into(), size).expect("a leaf of the tree");
        Receipt { record: record(index), index: index.into(), proof, checkpoint: signed(size), finality: None }.to_text()
    };
    [
        ("receipt-5-of-7", receipt(5, 7)),
        ("receipt-6-of-7", receipt(6, 7)),
        ("receipt-0-of-4", receipt(0, 4)),
        ("checkpoint", signed(7).to_text()),
        ("key", KEY.to_string()),
    ]
    .map(|(name, text)| (name.to_owned(), text.into_bytes()))
    .into_iter()
    .chain([("record".to_owned(), record(1).encode()), ("return".to_owned(), record(7).encode())])
    .collect()
}
