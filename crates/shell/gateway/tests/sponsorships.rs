//! A participant that settles over another one's account: its payments, what both are told of them, and how they are squared.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

mod support;

use clearing::{
    AccountPurpose, Bic, Command, EndSponsorship, Fund, FundDirection, RegisterParticipant, Sponsor, SponsorLimits,
    SponsorshipCommand,
};
use iso20022::view::{AccountReportView, AccountStatementView, ReceiptStatus, ReceiptView, SystemEventView, TransactionStatus};
use money::{Amount, Currency, CurrencyCode, MinorUnits};
use serde_json::Value;
use signing::Signer as _;
use support::client::{Draft, Reply};
use support::messages::*;
use support::{HARBOUR, OTHER, PEARL, World};

/// The Pearl and the other bank are direct in it, the Harbour is not.
const USD: Currency = Currency { code: CurrencyCode::USD, exponent: 2 };

fn usd(minor: u64) -> Amount {
    Amount { minor: MinorUnits(minor), currency: USD }
}

async fn send(world: &World, bic: &str, body: &[u8]) -> Reply {
    world.connect(bic).await.send(&Draft::xml(world.bank(bic), body)).await
}

/// The Pearl settles dollars for the Harbour: 500.00 net at most, 200.00 in one payment.
async fn sponsored() -> World {
    let world = World::start().await;
    world.log.run(Command::OpenLedger(USD));
    for bic in [PEARL, OTHER] {
        world.log.run(Command::RegisterParticipant(RegisterParticipant {
            bic: Bic::parse(bic).unwrap(),
            name: format!("{bic} Bank"),
            key: world.bank(bic).signer.public_key(),
            provides_exchange: false,
            currencies: vec![USD.code],
        }));
    }
    world.log.run(Command::Fund(Fund {
        participant: world.log.participant(PEARL),
        currency: USD.code,
        purpose: AccountPurpose::Settlement,
        direction: FundDirection::In,
        amount: MinorUnits(100_000),
        reference: [0xFE; 16],
    }));
    let (sponsor, participant) = (world.log.participant(PEARL), world.log.participant(HARBOUR));
    let limits = SponsorLimits { net_debit: MinorUnits(50_000), payment_max: MinorUnits(20_000) };
    let sponsor = Sponsor { sponsor, participant, currency: USD.code, limits };
    world.log.run(Command::Sponsorship(SponsorshipCommand::Sponsor(sponsor)));
    world
}

async fn pay(world: &World, minor: u64) -> (u16, [u8; 16], Reply) {
    let mut payment = transfer(HARBOUR, OTHER);
    payment.interbank_settlement_amount = usd(minor);
    let reply = send(world, HARBOUR, &pacs008(&payment)).await;
    (reply.status, payment.uetr, reply)
}

async fn told(world: &World, bic: &str) -> Value {
    world.connect(bic).await.get("/v1/sponsorships").await.json()
}

fn receipt_of(reply: &Reply) -> ReceiptView {
    ReceiptView::of(&parse(&reply.body).document).unwrap()
}

#[tokio::test]
async fn a_payment_moves_over_the_sponsors_account_and_both_see_for_whom() {
    let world = sponsored().await;
    let (status, uetr, _) = pay(&world, 15_000).await;
    assert_eq!(status, 202);
    assert_eq!(send(&world, OTHER, &pacs002(OTHER, uetr, TransactionStatus::InProcess, None)).await.status, 200);
    assert_eq!(world.log.balance(PEARL, USD), 85_000);
    for bic in [HARBOUR, PEARL] {
        let all = told(&world, bic).await;
        let row = &all["sponsorships"][0];
        assert_eq!((&row["participant"], &row["sponsor"]), (&HARBOUR.into(), &PEARL.into()));
        assert_eq!((&row["position"], &row["room"], &row["state"]), (&"-150.00".into(), &"350.00".into(), &"active".into()));
    }
    assert_eq!(told(&world, OTHER).await["sponsorships"], Value::Array(vec![]), "others have no part in it");
    // By message the position is an account of its own.
    let reply = send(&world, HARBOUR, &camt003(HARBOUR, &["USD"])).await;
    let report = AccountReportView::of(&parse(&reply.body).document).unwrap();
    let [account] = report.accounts.as_slice() else { panic!("{report:?}") };
    assert_eq!((&*account.booked, &*account.available, &*account.cap), ("-150.00", "350.00", "500.00"));
    // The sponsor's statement says for whom; the participant has none there.
    let reply = world.connect(PEARL).await.get("/v1/statement?currency=USD").await;
    let statement = AccountStatementView::of(&parse(&reply.body).document).unwrap();
    assert_eq!(statement.on_behalf, [None, Some(HARBOUR.to_owned())]);
    assert_eq!((statement.statement.lines[1].reference, statement.statement.closing), (uetr, 85_000));
    assert_eq!(world.connect(HARBOUR).await.get("/v1/statement?currency=USD").await.code(), "GW-1014");
    let inbox: Value = world.connect(HARBOUR).await.get("/v1/inbox?limit=100&entries=told").await.json();
    let types: Vec<&str> = inbox["items"].as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(types.last(), Some(&"pacs.002.001.10"), "nothing was booked on an account of its own: {types:?}");
    // More than one payment may be.
    let (_, _, reply) = pay(&world, 20_001).await;
    assert!(reply.text().contains("AM14"), "{}", reply.text());
    world.log.check_laws();
}

#[tokio::test]
async fn the_sponsor_squares_by_its_own_message_and_nobody_else_does() {
    let world = sponsored().await;
    let (_, uetr, _) = pay(&world, 15_000).await;
    send(&world, OTHER, &pacs002(OTHER, uetr, TransactionStatus::InProcess, None)).await;
    let reference = fresh_uetr();
    let square = |minor| camt050_about(PEARL, HARBOUR, reference, true, usd(minor));
    let reply = send(&world, PEARL, &square(15_001)).await;
    assert_eq!((reply.status, receipt_of(&reply).status), (422, ReceiptStatus::Refused("AM09".into())));
    assert_eq!(receipt_of(&reply).words.unwrap().split(' ').next(), Some("CLR-1184"));
    for _ in 0..2 {
        let reply = send(&world, PEARL, &square(14_000)).await;
        assert_eq!((reply.status, receipt_of(&reply).status), (200, ReceiptStatus::Done), "the same again squares once");
        assert_eq!(told(&world, HARBOUR).await["sponsorships"][0]["position"], "-10.00");
    }
    assert_eq!(send(&world, PEARL, &square(1_000)).await.status, 409);
    let strangers = camt050_about(OTHER, HARBOUR, fresh_uetr(), true, usd(1_000));
    assert_eq!(send(&world, OTHER, &strangers).await.code(), "GW-1010");
    let own = camt050_about(HARBOUR, PEARL, fresh_uetr(), true, usd(1_000));
    assert_eq!(send(&world, HARBOUR, &own).await.code(), "GW-1010", "who is sponsored says nothing of its sponsor");
    assert_eq!(world.log.balance(PEARL, USD), 85_000, "no money moved");
    // It ends, and is over once it is square.
    let end = EndSponsorship { participant: world.log.participant(HARBOUR), currency: USD.code };
    world.log.run(Command::Sponsorship(SponsorshipCommand::End(end)));
    let (_, _, reply) = pay(&world, 100).await;
    assert!(reply.text().contains("AG01"), "{}", reply.text());
    assert_eq!(told(&world, PEARL).await["sponsorships"][0]["state"], "ending");
    let last = camt050_about(PEARL, HARBOUR, fresh_uetr(), true, usd(1_000));
    assert_eq!(send(&world, PEARL, &last).await.status, 200);
    assert_eq!(told(&world, PEARL).await["sponsorships"], Value::Array(vec![]));
    world.log.check_laws();
}

/// The notices in an inbox: code, text, and what they are about.
async fn notices(world: &World, bic: &str) -> Vec<(String, String, Vec<String>)> {
    let inbox: Value = world.connect(bic).await.get("/v1/inbox?limit=100").await.json();
    let items = inbox["items"].as_array().unwrap().iter();
    let notices = items.filter(|item| item["type"].as_str().unwrap().starts_with("admi.004"));
    let view = |item: &Value| SystemEventView::of(&parse(item["message"].as_str().unwrap().as_bytes()).document).unwrap();
    notices.map(view).map(|view| (view.event, view.text, view.about)).collect()
}

#[tokio::test]
async fn both_find_in_their_inboxes_what_became_of_it() {
    let world = sponsored().await;
    let (sponsor, participant) = (world.log.participant(PEARL), world.log.participant(HARBOUR));
    let order = |net_debit| {
        let limits = SponsorLimits { net_debit: MinorUnits(net_debit), payment_max: MinorUnits(20_000) };
        let sponsor = Sponsor { sponsor, participant, currency: USD.code, limits };
        world.log.run(Command::Sponsorship(SponsorshipCommand::Sponsor(sponsor)));
    };
    order(40_000);
    order(40_000);
    world.log.run(Command::Sponsorship(SponsorshipCommand::End(EndSponsorship { participant, currency: USD.code })));
    let expected = [
        ("SPNB", format!("{PEARL} sponsors {HARBOUR} in USD")),
        ("SPNC", format!("{PEARL} sponsors {HARBOUR} in USD within other limits")),
        ("SPNG", format!("{PEARL} is to sponsor {HARBOUR} in USD no longer; no new payments are taken")),
        ("SPNE", format!("{PEARL} no longer sponsors {HARBOUR} in USD")),
    ]
    .map(|(code, text)| (code.to_owned(), text, ["USD", HARBOUR, PEARL].map(str::to_owned).to_vec()));
    for bic in [HARBOUR, PEARL] {
        assert_eq!(notices(&world, bic).await, expected, "{bic}: the same order again is told once");
    }
    assert_eq!(notices(&world, OTHER).await, [], "others have no part in it");
    world.log.check_laws();
}
