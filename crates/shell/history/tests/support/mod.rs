//! Chains of random payments, and what every index must tell of them.

#![allow(missing_docs, clippy::unwrap_used, dead_code)] // a test that cannot go on has failed, and each uses a part

use chain::BlockHeader;
use clearing::{
    AccountPurpose, Answer, AnswerVerdict, Bic, Broadcast, Clearing, Command, ContentHash, Event, EventKind, Fund, FundDirection,
    IndexSeed, IsoReason, MessageIdHash, Officer, Order as ClearingOrder, OrderId, Outcome, ParticipantId, Pay, PaymentIndex,
    PaymentState, PaymentView, Position, Priority, RegisterParticipant, RiskDecision, Roles, Settings, Side, Terms, Time, Uetr,
};
use history::{AccountKey, InboxItem, InboxKind, Index, Key, Order, PaymentQuery, ReadModel, StatementQuery, Tells, Tuning};
use money::{Currency, CurrencyCode, MinorUnits};
use ordering::{DurableBlock, Forgotten, KeptLetter, Recovered, VaultPlace, letters_of};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

pub const BANKS: u32 = 3;

pub fn genesis() -> Vec<Command> {
    let officers = [1, 2].map(|n| Officer { key: [n; 32], name: format!("officer {n}"), roles: Roles::SIGNING });
    let mut commands =
        vec![Command::OpenLedger(Currency::new(CurrencyCode::HKD, 2).unwrap()), Command::AppointOfficers(officers.to_vec())];
    for (at, bic) in ["HARBHKHH", "LIONHKHH", "PENGCNBS"].into_iter().enumerate() {
        commands.push(Command::RegisterParticipant(RegisterParticipant {
            bic: Bic::parse(bic).unwrap(),
            name: bic.into(),
            key: [at as u8; 32],
            provides_exchange: false,
            currencies: vec![CurrencyCode::HKD],
        }));
        commands.push(Command::Fund(Fund {
            participant: ParticipantId(at as u32),
            currency: CurrencyCode::HKD,
            purpose: AccountPurpose::Settlement,
            direction: FundDirection::In,
            amount: MinorUnits(1000),
            reference: [at as u8; 16],
        }));
    }
    commands
}

pub fn pay(uetr: Uetr, debtor_agent: u32, creditor_agent: u32, amount: u64) -> Command {
    Command::Pay(Pay {
        uetr,
        content: ContentHash([1; 32]),
        message_id: MessageIdHash(uetr.0),
        debtor_agent: ParticipantId(debtor_agent),
        creditor_agent: ParticipantId(creditor_agent),
        debit: MinorUnits(amount),
        debit_currency: CurrencyCode::HKD,
        quote: None,
        priority: Priority::Normal,
        accepted_at: Time(u64::MAX / 2),
        risk: RiskDecision::PASS,
        terms: Terms::default(),
    })
}

pub fn answer(uetr: Uetr, bank: u32, will: bool) -> Command {
    Command::Answer(Answer {
        uetr,
        creditor_agent: ParticipantId(bank),
        verdict: if will { AnswerVerdict::WillCredit } else { AnswerVerdict::Refuses(IsoReason(*b"AC04")) },
        content: ContentHash([2; 32]),
    })
}

/// Officers' word to all three banks.
pub fn broadcast(n: u8) -> Command {
    let does = Box::new(Command::Broadcast(Broadcast { event: IsoReason(*b"CUTO"), text: format!("word {n}") }));
    let valid_until = Time(1_000_000_000_000 + 500 * 1_000_000_000);
    Command::Order(ClearingOrder { id: OrderId([n; 16]), valid_until, officers: [[1; 32], [2; 32]], does })
}

pub fn command() -> impl Strategy<Value = Command> {
    let uetr = (0u8..12).prop_map(|n| Uetr([n; 16]));
    let bank = (0..BANKS).prop_map(ParticipantId);
    prop_oneof![
        (uetr.clone(), 0..BANKS, 0..BANKS, 0u64..400).prop_map(|(uetr, from, to, amount)| pay(uetr, from, to, amount)),
        (uetr.clone(), 0..BANKS, any::<bool>()).prop_map(|(uetr, bank, will)| answer(uetr, bank, will)),
        (uetr, bank.clone()).prop_map(|(uetr, creditor_agent)| Command::ReportCredited { uetr, creditor_agent }),
        (bank, any::<bool>(), 1u64..300, any::<[u8; 16]>()).prop_map(|(participant, out, amount, reference)| {
            Command::Fund(Fund {
                participant,
                currency: CurrencyCode::HKD,
                purpose: AccountPurpose::Settlement,
                direction: if out { FundDirection::Out } else { FundDirection::In },
                amount: MinorUnits(amount),
                reference,
            })
        }),
        (0u8..6).prop_map(broadcast),
    ]
}

pub fn durable(clearing: &mut Clearing, time: Time, commands: Vec<Command>) -> DurableBlock {
    let applied = clearing.apply_block(time, &commands);
    let header = BlockHeader {
        height: clearing.height(),
        time_ns: time.0,
        parent: chain::Hash::default(),
        body: chain::Hash::default(),
        state_root: applied.state_root,
        tree_size: applied.tree_size,
        tree_root: applied.tree_root,
        first_position: applied.first_position,
        command_count: commands.len() as u32,
        body_bytes: 0,
    };
    let tickets = vec![0; commands.len()];
    let places = vec![(0, VaultPlace { file: 1, offset: header.height as u32, bytes: 9 })];
    DurableBlock { header, hash: header.hash(), commands, tickets, places, applied }
}

/// Ten seconds behind its end a payment is forgotten.
pub fn brief() -> Settings {
    let second = 1_000_000_000;
    Settings {
        answer_high_ns: 2 * second,
        answer_normal_ns: 4 * second,
        quote_validity_ns: second,
        acceptance_age_max_ns: 5 * second,
        payment_retention_ns: 10 * second,
    }
}

pub fn accepted(command: Command, now: u64) -> Command {
    match command {
        Command::Pay(pay) => Command::Pay(Pay { accepted_at: Time(now), ..pay }),
        other => other,
    }
}

/// The payment an event tells of, as it stood.
pub fn told(event: &Event) -> Option<PaymentView> {
    match &event.kind {
        EventKind::PaymentHeld(view)
        | EventKind::PaymentSettled(view)
        | EventKind::PaymentRejected(view)
        | EventKind::PaymentReturned(view)
        | EventKind::PaymentCredited(view) => Some(*view),
        _ => None,
    }
}

/// So little in memory that most is asked of the index.
pub const TUNING: Tuning = Tuning { recent_payments: 2, batch_events: 3, inline: true, progress: |_, _| {} };

pub fn open(index: Arc<dyn Index>, clearing: &Clearing, forgotten: &Vec<Forgotten>) -> ReadModel {
    open_with(index, clearing, forgotten, &vec![])
}

pub fn open_with(index: Arc<dyn Index>, clearing: &Clearing, forgotten: &Vec<Forgotten>, letters: &Vec<KeptLetter>) -> ReadModel {
    let recovered = Recovered { forgotten, letters, places: vec![], ..Recovered::of(clearing) };
    ReadModel::open(index, &recovered, TUNING).unwrap()
}

/// The payment an item tells of, and what of it.
pub fn payment_of(item: &InboxItem) -> Option<(InboxKind, &PaymentView)> {
    match &item.tells {
        Tells::Payment(kind, view) => Some((*kind, view)),
        Tells::Letter(_) | Tells::Note(_) | Tells::Matter(..) => None,
    }
}

/// Every page of a list, put together.
pub fn pages(model: &ReadModel, query: &PaymentQuery) -> Vec<PaymentView> {
    let (mut found, mut next) = (Vec::new(), None);
    loop {
        let page = model.payments_of(&PaymentQuery { next, ..query.clone() }).unwrap();
        assert!(page.payments.len() <= query.limit);
        found.extend(page.payments);
        match page.next {
            Some(at) => next = Some(at),
            None => return found,
        }
    }
}

/// What a list must hold, said in another way.
pub fn wanted(all: &BTreeMap<PaymentIndex, PaymentView>, query: &PaymentQuery) -> Vec<PaymentView> {
    let is_wanted = |view: &&PaymentView| {
        let (sent, received) =
            (view.debtor_agent == query.who, view.creditor_agent == query.who && view.forwarded_position.is_some());
        let other = if sent { view.creditor_agent } else { view.debtor_agent };
        (sent || received)
            && query.from.is_none_or(|from| view.received_at >= from)
            && query.to.is_none_or(|to| view.received_at < to)
            && query.state.is_none_or(|state| view.state == state)
            && query.counterparty.is_none_or(|counterparty| other == counterparty)
    };
    let mut found: Vec<PaymentView> = all.values().filter(is_wanted).copied().collect();
    if query.order == Order::Newest {
        found.reverse();
    }
    found
}

pub fn query() -> impl Strategy<Value = PaymentQuery> {
    let state = prop::option::of(prop::sample::select(vec![PaymentState::Held, PaymentState::Settled, PaymentState::Rejected]));
    let time = || prop::option::of((0..200u64).prop_map(|seconds| Time(1_000_000_000_000 + seconds * 1_000_000_000)));
    let bank = || (0..BANKS).prop_map(ParticipantId);
    let order = prop::sample::select(vec![Order::Newest, Order::Oldest]);
    (bank(), time(), time(), state, prop::option::of(bank()), order, 1usize..5).prop_map(
        |(who, from, to, state, counterparty, order, limit)| PaymentQuery {
            who,
            from,
            to,
            state,
            counterparty,
            order,
            next: None,
            limit,
        },
    )
}

/// A story: blocks of commands with the seconds before them, whether the centre forgets, after how many blocks one index is stopped,
/// and what is asked.
pub type Story = (Vec<(Vec<Command>, u64)>, bool, usize, Vec<PaymentQuery>);

pub fn story() -> impl Strategy<Value = Story> {
    let blocks = prop::collection::vec((prop::collection::vec(command(), 0..6), 0u64..9), 1..30);
    (blocks, any::<bool>(), 0usize..30, prop::collection::vec(query(), 5))
}

/// Read models that were fed, resumed and rebuilt over empty indices tell the same.
pub fn fed_resumed_and_rebuilt_agree(empty: impl Fn() -> Arc<dyn Index>, (blocks, forgets, stop, queries): Story) {
    let mut clearing = Clearing::new(IndexSeed(1));
    let fed = open(empty(), &clearing, &vec![]);
    // Indexed until somewhere, and then not any more: what a crash leaves.
    let stopped_index = empty();
    let stopped = open(stopped_index.clone(), &clearing, &vec![]);
    let mut now = 1_000_000_000_000;
    let mut commands = genesis();
    commands.extend(forgets.then_some(Command::Configure(brief())));
    let block = durable(&mut clearing, Time(now), commands);
    fed.durable(&block);
    stopped.durable(&block);
    let mut forgotten = Vec::new();
    let mut all = BTreeMap::new();
    let mut events = block.applied.events.clone();
    let mut places = BTreeMap::new();
    let mut letters = Vec::new();
    for (at, (commands, seconds)) in blocks.into_iter().enumerate() {
        now += seconds * 1_000_000_000;
        let commands = commands.into_iter().map(|command| accepted(command, now)).collect();
        let block = durable(&mut clearing, Time(now), commands);
        if let (Some(Command::Pay(_)), Some(Outcome::Payment { payment, repeated: false })) =
            (block.commands.first(), block.applied.outcomes.first())
        {
            places.entry(payment.index).or_insert(block.places[0].1);
        }
        let place = |payment: &PaymentView| places.get(&payment.index).copied().unwrap_or_default();
        forgotten.extend(block.applied.forgotten.iter().map(|payment| Forgotten { payment: *payment, place: place(payment) }));
        letters.extend(letters_of(&block.applied, &block.places));
        all.extend(block.applied.events.iter().filter_map(told).map(|view| (view.index, view)));
        events.extend(block.applied.events.iter().cloned());
        fed.durable(&block);
        if at < stop {
            stopped.durable(&block);
        }
        assert!(fed.laws().iter().all(|status| status.holds), "{:?}", fed.laws());
    }
    drop(stopped);
    let rebuilt = open_with(empty(), &clearing, &forgotten, &letters);
    let resumed = open_with(stopped_index, &clearing, &forgotten, &letters);
    assert_eq!(all.len(), forgotten.len() + clearing.payments().len());
    for other in [&rebuilt, &resumed] {
        assert_eq!(fed.counts(), other.counts());
        assert_eq!(fed.laws(), other.laws());
        assert_eq!(fed.accounts(), other.accounts());
        assert_eq!(fed.participants(), other.participants());
        let (a, b) = (fed.tip(), other.tip());
        assert_eq!((a.size, a.root, a.height, a.time), (b.size, b.root, b.height, b.time));
    }
    for bank in 0..BANKS {
        let inbox = fed.inbox(ParticipantId(bank), Position(0), 10_000).unwrap();
        assert_eq!(&inbox, &rebuilt.inbox(ParticipantId(bank), Position(0), 10_000).unwrap());
        assert_eq!(&inbox, &resumed.inbox(ParticipantId(bank), Position(0), 10_000).unwrap());
        // Cursors only rise, and going on from any of them misses nothing.
        assert!(inbox.windows(2).all(|pair| pair[0].position < pair[1].position));
        for (at, item) in inbox.iter().enumerate() {
            if let Some((_, view)) = payment_of(item) {
                assert_eq!(all.get(&view.index), Some(view));
            }
            let rest = fed.inbox(ParticipantId(bank), item.position, 3).unwrap();
            assert_eq!(rest.as_slice(), &inbox[at + 1..inbox.len().min(at + 4)]);
        }
        // PAY-02: whoever was asked is told the end, and so is whoever paid.
        for view in all.values().filter(|view| view.finality.is_some()) {
            let is_end = |item: &InboxItem| {
                payment_of(item).is_some_and(|(kind, told)| told.index == view.index && kind == InboxKind::Ended)
            };
            let ends = inbox.iter().filter(|item| is_end(item)).count();
            let concerned = view.debtor_agent.0 == bank || (view.creditor_agent.0 == bank && view.forwarded_position.is_some());
            assert_eq!(ends, usize::from(concerned));
        }
    }
    // Every letter is in one inbox, with the place of its message if that had one.
    let told: Vec<KeptLetter> = (0..BANKS)
        .flat_map(|bank| fed.inbox(ParticipantId(bank), Position(0), 10_000).unwrap())
        .filter_map(|item| if let Tells::Letter(kept) = item.tells { Some(kept) } else { None })
        .collect();
    assert_eq!(told.len() as u64, clearing.letters());
    assert!(told.iter().all(|kept| letters.contains(kept)));
    for bank in 0..BANKS {
        let account = AccountKey { participant: ParticipantId(bank), currency: CurrencyCode::HKD };
        for model in [&fed, &rebuilt, &resumed] {
            check_statements(model, &clearing, &events, account);
        }
    }
    for query in &queries {
        for model in [&fed, &rebuilt, &resumed] {
            assert_eq!(pages(model, query), wanted(&all, query), "{:?}", query);
        }
    }
    for model in [&fed, &rebuilt, &resumed] {
        for view in all.values() {
            // A UETR that was used again, when the centre had forgotten the first, is the newer payment's.
            let newest = all.values().rev().find(|other| other.uetr == view.uetr).copied();
            assert_eq!(model.payment(view.uetr).unwrap(), newest);
            assert_eq!(model.find(Key::Message(view.message_id)).unwrap(), newest);
            assert_eq!(model.payment_at(view.index).unwrap(), Some(*view));
            if let (Some(finality), Some(record)) = (view.finality, view.final_record()) {
                let tip = model.tip();
                let proof = model.inclusion_proof(finality.leaf_index, tip.size).unwrap().unwrap();
                assert_eq!(chain::verify_inclusion(finality.leaf_index, tip.size, &record.leaf(), &proof, &tip.root), Ok(()));
                assert_eq!(model.payment_of_leaf(finality.leaf_index).unwrap(), Some(*view));
            }
        }
        assert_eq!(model.payment(Uetr([99; 16])).unwrap(), None);
        assert_eq!(model.payment_at(PaymentIndex(all.len() as u64)).unwrap(), None);
    }
    for (index, place) in &places {
        let found = fed.place(*index).unwrap();
        // The same message sent again lies in a second place, which is as good.
        assert!(found.is_some_and(|found| found.file == place.file), "{:?}", found);
    }
}

/// What moved on an account, said in another way: position and amount with its sign.
pub fn moved(events: &[Event], account: AccountKey) -> Vec<(u64, i128)> {
    let mut found = Vec::new();
    for event in events {
        let mut add = |who: ParticipantId, amount: i128| {
            if who == account.participant {
                found.push((event.position.0, amount));
            }
        };
        match &event.kind {
            EventKind::PaymentSettled(view) => {
                add(view.debtor_agent, -i128::from(view.debit.minor.0));
                add(view.creditor_agent, i128::from(view.credit.minor.0));
            }
            EventKind::Funded { participant, direction: FundDirection::In, amount, .. } => {
                add(*participant, i128::from(amount.minor.0));
            }
            EventKind::Funded { participant, direction: FundDirection::Out, amount, .. } => {
                add(*participant, -i128::from(amount.minor.0));
            }
            _ => {}
        }
    }
    found
}

/// Statements of any span, in pages of any size, are what moved; they open and close with the chain's own balances.
pub fn check_statements(model: &ReadModel, clearing: &Clearing, events: &[Event], account: AccountKey) {
    let moved = moved(events, account);
    let balance_at = |at: u64| moved.iter().filter(|(position, _)| *position <= at).map(|(_, amount)| amount).sum::<i128>();
    let last = clearing.next_position().0 - 1;
    let posted = clearing
        .accounts()
        .find(|view| view.participant == Some(account.participant) && view.purpose == AccountPurpose::Settlement);
    for (after, to, limit) in
        [(0, u64::MAX, 1000), (0, last, 2), (last / 3, 2 * last / 3, 3), (last, last, 1), (last / 2, last, 1)]
    {
        let (mut from, mut lines, mut opening) = (Position(after), Vec::new(), None);
        loop {
            let query = StatementQuery { account, after: from, to: Position(to), limit };
            let page = model.statement(&query).unwrap();
            assert!(page.entries.len() <= limit);
            assert_eq!(page.opening, balance_at(from.0));
            assert_eq!(page.closing, balance_at(page.to.0));
            opening.get_or_insert(page.opening);
            lines.extend(page.entries.iter().map(|entry| {
                let amount = i128::from(entry.amount.0);
                (entry.position.0, if entry.side == Side::Credit { amount } else { -amount })
            }));
            from = page.to;
            if !page.is_cut {
                break;
            }
        }
        let expected: Vec<_> = moved.iter().filter(|(at, _)| *at > after && *at <= to).copied().collect();
        assert_eq!(&lines, &expected);
        let totals = model.totals(account, Position(after), Position(to)).unwrap();
        assert_eq!(totals.totals.credits + totals.totals.debits, expected.len() as u64);
        let credited: i128 = expected.iter().map(|(_, amount)| (*amount).max(0)).sum();
        assert_eq!(totals.totals.credited, credited as u128);
        assert_eq!(totals.closing - totals.opening, totals.totals.balance());
        if to == u64::MAX {
            assert_eq!(Some(totals.closing), posted.map(|view| view.posted));
        }
    }
    let all = model.statement(&StatementQuery { account, after: Position(0), to: Position(last), limit: 1000 }).unwrap();
    for entry in &all.entries {
        let before = all.entries.iter().rev().find(|other| other.at < entry.at).map_or(Position(0), |other| other.position);
        assert_eq!(model.position_before(account, entry.at).unwrap(), before);
    }
}

/// A chain of a thousand payments, as it is recovered.
pub fn thousand() -> (Clearing, Vec<Forgotten>) {
    let mut clearing = Clearing::new(IndexSeed(1));
    let now = |n: u64| Time(1_000_000_000_000 + n * 1_000_000_000);
    let mut commands = genesis();
    commands.push(Command::Configure(brief()));
    let mut forgotten = Vec::new();
    let mut block = |clearing: &mut Clearing, n: u64, commands| {
        let place = VaultPlace { file: 3, offset: n as u32, bytes: 5 };
        let applied = durable(clearing, now(n), commands).applied;
        forgotten.extend(applied.forgotten.iter().map(|payment| Forgotten { payment: *payment, place }));
    };
    block(&mut clearing, 0, commands);
    for n in 1..=500u64 {
        let uetr = |side: u8| Uetr([(n % 251) as u8, (n / 251) as u8, side, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
        let pay = |side| accepted(pay(uetr(side), 0, 1, 1), now(n).0);
        block(&mut clearing, n, vec![pay(0), pay(1), answer(uetr(0), 1, true), answer(uetr(1), 1, n % 7 == 0)]);
    }
    (clearing, forgotten)
}
