//! Signing keys that follow one another: what is taken while both hold, and what once one is over.

mod support;

use clearing::{Arrangement, Command, ParticipantKey, SetKey, Time, VerifyingKey};
use signing::{FileSigner, MessageSigner, P256Signer, PublicKey, Signer as _, sign_request};
use support::client::{Draft, Reply};
use support::messages::*;
use support::{HARBOUR, PEARL, World, now_ns, now_s};

const HOUR_NS: u64 = 3_600 * 1_000_000_000;

/// A payment of the Harbour's, signed with this key.
async fn pay<S: MessageSigner>(world: &World, signer: &S) -> Reply {
    let body = pacs008(&transfer(HARBOUR, PEARL));
    let signed = sign_request("POST", "/v1/messages", &body, now_s(), signer);
    let draft = Draft::xml(world.bank(HARBOUR), &body).set("Signature-Input", &signed.signature_input);
    world.connect(HARBOUR).await.send(&draft.set("Signature", &signed.signature)).await
}

fn set(world: &World, number: u16, key: VerifyingKey, from: u64, until: Time) {
    let participant = world.log.participant(HARBOUR);
    let key = ParticipantKey { number, key, from: Time(from), until };
    world.log.run(Command::Arrange(Arrangement::SetKey(SetKey { participant, key })));
}

fn point(signer: &P256Signer) -> VerifyingKey {
    let PublicKey::P256(point) = signer.verifying_key() else { panic!("a point") };
    VerifyingKey::P256(point)
}

#[tokio::test]
async fn one_key_follows_another_without_a_pause() {
    let world = World::start().await;
    let first = &world.bank(HARBOUR).signer;
    let second = P256Signer::ephemeral(&format!("{HARBOUR}#2"));
    assert_eq!(pay(&world, &second).await.code(), "SIG-1013", "nobody has ordered it yet");
    set(&world, 2, point(&second), 0, ParticipantKey::OPEN);
    // While both hold, messages under either are taken.
    assert_eq!((pay(&world, first).await.status, pay(&world, &second).await.status), (202, 202));
    // The first is over.
    set(&world, 1, VerifyingKey::Ed25519(first.public_key()), 0, Time(now_ns()));
    let refused = pay(&world, first).await;
    assert_eq!((refused.status, &*refused.code()), (401, "SIG-1013"));
    assert_eq!(pay(&world, &second).await.status, 202);
    world.log.check_laws();
}

#[tokio::test]
async fn a_key_is_taken_within_its_time_by_its_number_and_by_its_algorithm() {
    let world = World::start().await;
    let named = |number| FileSigner::from_seed(&format!("{HARBOUR}#{number}"), &[9; 32]);
    let key = VerifyingKey::Ed25519(named(2).public_key());
    set(&world, 2, key, now_ns() + HOUR_NS, ParticipantKey::OPEN);
    assert_eq!(pay(&world, &named(2)).await.code(), "SIG-1013", "it begins in an hour");
    set(&world, 2, key, 0, Time(now_ns() + HOUR_NS));
    assert_eq!(pay(&world, &named(2)).await.status, 202);
    assert_eq!(pay(&world, &named(1)).await.code(), "SIG-1014", "the first is another key");
    assert_eq!(pay(&world, &named(3)).await.code(), "SIG-1013");
    // A key is never tried with another algorithm than its own.
    let p256 = P256Signer::ephemeral(&format!("{HARBOUR}#2"));
    assert_eq!(pay(&world, &p256).await.code(), "SIG-1009");
}
