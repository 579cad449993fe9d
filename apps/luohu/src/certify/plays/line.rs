//! What goes wrong between the bank and the centre, and what the bank makes of it.

use super::payments::pays_out;
use super::{BOOKING, ENDING, at_rest, both, credited, has_settled, is_settled, ordered, paid_in, rests_at, stands, status_text};
use crate::certify::Kit;
use crate::certify::log::{self, Word};
use crate::certify::messages;
use crate::certify::report::Seen;
use crate::certify::wire::Upset;
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

/// How long a bank may take to ask about a payment of which it heard nothing.
const DOUBT: Duration = Duration::from_secs(20);
/// What is said of a bank in whose inbox nothing can be slipped in.
const POLLS: &str = "the bank polls its inbox: nothing can be slipped in";

/// The bank may take the true item when it reads again, or let the payment run out: credited must be what settled.
pub async fn forged_item(kit: &Kit) -> Result<Seen> {
    const MINOR: u64 = 3_456;
    let before = at_rest(kit).await?;
    kit.wire.upset(Upset::Forge(b">34.56<".to_vec(), b">94.56<".to_vec()));
    let (_, status) = paid_in(kit, &kit.door.account, MINOR, Uuid::new_v4()).await?;
    let forged = kit.wire.is_done();
    kit.wire.upset(Upset::None);
    ensure!(forged, "the payment was not read from the inbox");
    let credited = if is_settled(&status) { MINOR } else { 0 };
    Ok(both(true, &status_text(&status), &rests_at(kit, before, before + credited).await?))
}

/// Like [`forged_item`], but only the signature is another: what the bank did with it is seen by when it answered.
pub async fn forged_signature(kit: &Kit) -> Result<Seen> {
    const MINOR: u64 = 1_507;
    let (before, uetr, mark) = (at_rest(kit).await?, Uuid::new_v4(), kit.wire.mark());
    kit.wire.upset(Upset::ForgeSignature);
    let (_, status) = paid_in(kit, &kit.door.account, MINOR, uetr).await?;
    let forged = kit.wire.is_done();
    kit.wire.upset(Upset::None);
    ensure!(forged, "the payment was not read from the inbox");
    let believed = log::believed(&kit.wire.since(mark), uetr);
    let credited = if is_settled(&status) { MINOR } else { 0 };
    let books = rests_at(kit, before, before + credited).await?;
    let said = if believed { "answered as if it were signed" } else { "not answered before the inbox was read again" };
    Ok(both(!believed, &format!("{}, {said}", status_text(&status)), &books))
}

/// The inbox is read again from its beginning, behind the bank's back.
pub async fn items_again(kit: &Kit) -> Result<Seen> {
    const MINOR: u64 = 4_567;
    let before = at_rest(kit).await?;
    let (_, status) = paid_in(kit, &kit.door.account, MINOR, Uuid::new_v4()).await?;
    kit.door.balance_becomes(before + MINOR, BOOKING).await?;
    kit.wire.upset(Upset::FromTheBeginning);
    kit.wire.cut();
    kit.until(BOOKING * 4, || kit.wire.is_done()).await.context("the inbox was not opened again")?;
    let books = rests_at(kit, before, before + MINOR).await?;
    Ok(both(is_settled(&status), &status_text(&status), &books))
}

/// The line is cut; the bank comes back by itself.
pub async fn cursor_kept(kit: &Kit) -> Result<Seen> {
    const MINOR: u64 = 1_505;
    let (before, mark) = (at_rest(kit).await?, kit.wire.mark());
    let (settled, said, books) = credited(kit, before, MINOR, Uuid::new_v4()).await?;
    let (last, mark) = (log::last_cursor(&kit.wire.since(mark)), kit.wire.mark());
    kit.wire.cut();
    let asked = || log::opened_after(&kit.wire.since(mark));
    kit.until(BOOKING * 4, || asked().is_some()).await.context("the inbox was not opened again")?;
    let after = asked().unwrap_or(0);
    let text = format!("{said}, the last item was {last}, the bank came back behind {after}");
    Ok(both(settled && after >= last, &text, &books))
}

/// The answer to the customer's payment is lost.
pub async fn lost_answer(kit: &Kit) -> Result<Seen> {
    kit.wire.upset(Upset::LoseAnswer);
    let seen = pays_out(kit, "10.06", "settled", None).await;
    let lost = kit.wire.is_done();
    kit.wire.upset(Upset::None);
    ensure!(lost, "no payment was sent");
    seen
}

/// It is lost, and nothing is heard from the inbox either: the bank has to ask by itself.
pub async fn in_doubt(kit: &Kit) -> Result<Seen> {
    let (before, mark) = (at_rest(kit).await?, kit.wire.mark());
    kit.wire.close_inbox(true);
    kit.wire.upset(Upset::LoseAnswer);
    let sent = ordered(kit, "10.14", kit.currency.code.as_str()).await;
    let asked = match &sent {
        Ok((uetr, _)) => kit.until(DOUBT, || log::mentions(&kit.wire.since(mark), *uetr) > 1).await.is_ok(),
        Err(_) => false,
    };
    let lost = kit.wire.is_done();
    kit.wire.upset(Upset::None);
    kit.wire.close_inbox(false);
    let (uetr, paid) = sent?;
    ensure!(lost, "no payment was sent");
    let payment = kit.door.ended(&uetr.to_string(), ENDING).await?;
    let said = if asked { "asked or sent again" } else { "neither asked nor sent again" };
    let books = rests_at(kit, before, before.saturating_sub(paid)).await?;
    Ok(both(asked && has_settled(&payment), &format!("{said}, {}", stands(&payment)), &books))
}

/// A payment in, during which every signature of the bank is looked at.
pub async fn signed(kit: &Kit) -> Result<Seen> {
    const MINOR: u64 = 1_503;
    let (before, mark) = (at_rest(kit).await?, kit.wire.mark());
    let (settled, said, books) = credited(kit, before, MINOR, Uuid::new_v4()).await?;
    let refused = log::unsigned(&kit.wire.since(mark));
    let text = match refused.as_slice() {
        [] => format!("{said}, no signature refused"),
        refused => format!("{said}, refused with HTTP {refused:?}"),
    };
    Ok(both(settled && refused.is_empty(), &text, &books))
}

/// A payment comes twice in one stream.
pub async fn asked_twice(kit: &Kit) -> Result<Seen> {
    let seen = answers_under(kit, Upset::Twice, 1_501).await?;
    let Some((settled, text, words, books)) = seen else { return Ok(Seen::not_supported(POLLS)) };
    let agree = !words.is_empty() && words.iter().all(|word| *word == Word::Yes);
    Ok(both(settled && agree, &text, &books))
}

/// The bank's answer is lost.
pub async fn answer_again(kit: &Kit) -> Result<Seen> {
    let seen = answers_under(kit, Upset::LoseReport, 1_502).await?;
    let (settled, text, words, books) = seen.context("the bank said nothing that could be lost")?;
    let agree = words.len() > 1 && words.iter().all(|word| *word == Word::Yes);
    Ok(both(settled && agree, &text, &books))
}

/// A payment in while something goes wrong with it: whether it settled, in words, what the bank said to it, and its books;
/// `None` if nothing went wrong.
async fn answers_under(kit: &Kit, upset: Upset, minor: u64) -> Result<Option<(bool, String, Vec<Word>, Seen)>> {
    let (before, uetr, mark) = (at_rest(kit).await?, Uuid::new_v4(), kit.wire.mark());
    kit.wire.upset(upset);
    let came = credited(kit, before, minor, uetr).await;
    let done = kit.wire.is_done();
    kit.wire.upset(Upset::None);
    let (settled, said, books) = came?;
    let words = log::words(&kit.wire.since(mark), uetr);
    let text = format!("{said}, the bank said {words:?}");
    Ok(done.then_some((settled, text, words, books)))
}

/// Before a payment something comes that no bank can know.
pub async fn unknown_item(kit: &Kit) -> Result<Seen> {
    const MINOR: u64 = 1_504;
    let before = at_rest(kit).await?;
    let (apart, together) = unknown(kit);
    kit.wire.upset(Upset::Before(apart, together));
    let came = credited(kit, before, MINOR, Uuid::new_v4()).await;
    let done = kit.wire.is_done();
    kit.wire.upset(Upset::None);
    let (settled, said, books) = came?;
    if !done && settled {
        return Ok(Seen::not_supported(POLLS));
    }
    Ok(both(done && settled, &said, &books))
}

/// The event of an item without a place, signed by the centre: as it comes apart, and together with none.
fn unknown(kit: &Kit) -> (Vec<u8>, Vec<u8>) {
    let (message, created) = (messages::unknown(&kit.bank), messages::now_ns() / 1_000_000_000);
    let item = signing::Item { bic: &kit.bank, cursor: 0, body: message.as_bytes() };
    let headers = signing::sign_item(&item, created, &*kit.centre);
    let apart = json!({
        "cursor": 0, "type": messages::UNKNOWN, "digest": headers.content_digest,
        "signature_input": headers.signature_input, "signature": headers.signature, "message": message,
    });
    let parts = core::iter::once((0, message.as_bytes()));
    let headers = signing::sign_batch(&kit.bank, parts, created, &*kit.centre);
    let together = json!({
        "items": [{ "cursor": 0, "type": messages::UNKNOWN, "message": message }], "digest": headers.content_digest,
        "signature_input": headers.signature_input, "signature": headers.signature,
    });
    let event = |kind: &str, data: &serde_json::Value| format!("event: {kind}\ndata: {data}\n\n").into_bytes();
    (event("message", &apart), event("batch", &together))
}

/// The operators tell everybody something; then comes a payment.
pub async fn notice(kit: &Kit) -> Result<Seen> {
    const MINOR: u64 = 1_506;
    let (before, mark) = (at_rest(kit).await?, kit.wire.mark());
    kit.broadcast().await?;
    let came = kit.until(BOOKING, || log::has_item(&kit.wire.since(mark), "admi.004")).await.is_ok();
    let (settled, said, books) = credited(kit, before, MINOR, Uuid::new_v4()).await?;
    let read = if came { "admi.004 read" } else { "admi.004 not read from the inbox" };
    Ok(both(came && settled, &format!("{read}, {said}"), &books))
}
