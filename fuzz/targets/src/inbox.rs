//! The inbox as a bank reads it: a stream cut anywhere gives the same events, and only what the centre signed is believed.
//!
//! An input is one byte that says how the stream is cut into pieces, and the stream.

use crate::Target;
use banklink::hooks::{events, items};
use banklink::{EVENT_BYTES_MAX, InboxItem};
use serde_json::json;
use signing::{FileSigner, Signer, sign_batch};
use std::sync::LazyLock;

pub(crate) const TARGET: Target = Target {
    name: "inbox_stream",
    about: "a stream gives the same events however it is cut; items believed are those the centre signed, in order",
    run,
    seeds,
    words: &[
        "data: ",
        "data:",
        "\n\n",
        "\r\n",
        "\r",
        ": ping\n",
        "id: 7\n",
        "event: message\n",
        "{\"items\":[",
        "\"cursor\":",
        "41",
        "42",
        "\"type\":",
        "\"message\":\"<a/>\"",
        "\"digest\":",
        "\"signature\":",
        "\"signature_input\":",
        "\\u003c",
        "18446744073709551616",
    ],
};

const BIC: &str = "HARBHKHHXXX";
const CREATED: u64 = 1_795_510_800;
const BATCHES: [&[(u64, &str)]; 2] = [&[(41, "<a/>"), (42, "<b>\u{6e2f}</b>")], &[(0, "<check/>")]];

static KEY: LazyLock<FileSigner> = LazyLock::new(|| FileSigner::from_seed("LUOHU#1", &[5; 32]));

fn run(input: &[u8]) -> bool {
    let Some((&cut, stream)) = input.split_first() else { return false };
    let whole = events(&[stream]);
    let pieces: Vec<&[u8]> = stream.chunks(usize::from(cut).max(1)).collect();
    let cut = events(&pieces);
    assert_eq!(whole, cut, "the same events however the stream is cut");
    let keys = |key_id: &str| (key_id == KEY.key_id()).then(|| KEY.public_key());
    let mut believed = false;
    for event in whole.into_iter().flatten() {
        assert!(event.len() <= EVENT_BYTES_MAX && !event.is_empty());
        assert!(items(&event, "PENGCNBSXXX", &keys).is_err(), "another bank's items");
        if let Ok(items) = items(&event, BIC, &keys) {
            was_signed(&items);
            believed = true;
        }
    }
    believed
}

fn was_signed(items: &[InboxItem]) {
    let said: Vec<(u64, &str)> = items.iter().map(|item| (item.cursor, item.message.as_str())).collect();
    assert!(BATCHES.contains(&said.as_slice()), "nobody signed this: {said:?}");
}

fn event(batch: &[(u64, &str)]) -> String {
    let headers = sign_batch(BIC, batch.iter().map(|(cursor, message)| (*cursor, message.as_bytes())), CREATED, &*KEY);
    let items: Vec<_> = batch
        .iter()
        .map(|(cursor, message)| json!({ "cursor": cursor, "type": "pacs.008.001.08", "message": message }))
        .collect();
    let body = json!({
        "items": items, "digest": headers.content_digest, "signature_input": headers.signature_input,
        "signature": headers.signature,
    });
    format!("id: {}\nevent: items\ndata: {body}\n\n", batch[batch.len() - 1].0)
}

fn seeds() -> Vec<(String, Vec<u8>)> {
    let (one, two) = (event(BATCHES[0]), event(BATCHES[1]));
    [
        ("one", format!("\u{7}{one}")),
        ("two", format!("\u{40}: ping\n\n{one}{two}")),
        ("lines", "\u{1}data: a\r\ndata:b\n\n".into()),
    ]
    .map(|(name, text)| (name.to_owned(), text.into_bytes()))
    .into()
}
