//! The whole state as canonical bytes, so that a restart need not replay every block.
//!
//! Little endian; tables as `u32 count` and rows in their order. Indices are rebuilt from the rows. A snapshot carries no
//! checksum of its own: whoever stores it adds one and ties it to the block whose state root it must have.
//!
//! Snapshots of earlier versions are not read: they lack tables of this one. The blocks are replayed
//! instead, once.

use crate::codec::{
    put_rate, put_risk, put_u16, put_u32, put_u64, take, take_bic, take_bool, take_currency, take_participant, take_purpose,
    take_rate, take_reason, take_risk, take_slice, take_status, take_u16, take_u32, take_u64,
};
use crate::exchange::{Quote, StandingRate};
use crate::fees::Charged;
use crate::governance::Governance;
use crate::participant::{AccountSet, ExchangeAccounts, Participant};
use crate::payment::{Payment, Status};
use crate::returns::Aftermath;
use crate::rules::Quotas;
use crate::state::SystemAccounts;
use crate::table::Payments;
use crate::waiting::WaitingRoom;
use crate::{
    Clearing, ContentHash, DecodeError, Finality, IndexSeed, MessageIdHash, ParticipantId, ParticipantKey, PaymentIndex,
    Position, Posting, Priority, QuoteCap, QuoteId, QuoteTerms, Rejection, Rulebook, Settings, Time, Uetr,
};
use chain::{Frontier, Hash};
use ledger::{AccountId, HoldId, LedgerId, Ledgers};
use money::{Amount, Currency, MinorUnits};
use std::collections::BTreeMap;

const VERSION: u16 = 11;

impl Clearing {
    /// Appends the canonical bytes of the state as it is between two blocks.
    pub fn encode_snapshot(&self, out: &mut Vec<u8>) {
        out.reserve(self.payments.len() * 200 + (1 << 16));
        put_u16(out, VERSION);
        put_u64(out, self.height);
        put_u64(out, self.time.0);
        put_u64(out, self.horizon.0);
        put_u64(out, self.next_position);
        out.extend_from_slice(&self.state_root.0);
        out.push(self.settings.tag());
        self.settings.encode(out);
        self.ledgers.encode_snapshot(out);
        self.finals.encode(out);
        put_rows(out, &self.owners, |(owner, purpose), out| {
            put_u32(out, owner.map_or(u32::MAX, |id| id.0));
            out.push(*purpose as u8);
        });
        self.encode_currencies(out);
        put_rows(out, &self.participants, encode_participant);
        put_count(out, self.fundings.len());
        for (reference, digest) in &self.fundings {
            out.extend_from_slice(reference);
            out.extend_from_slice(digest);
        }
        self.encode_exchange(out);
        for queue in &self.deadlines {
            put_count(out, queue.len());
            for (deadline, index) in queue {
                put_u64(out, deadline.0);
                put_u64(out, index.0);
            }
        }
        put_u64(out, self.payments.first());
        put_count(out, self.payments.len());
        self.payments.iter().for_each(|payment| encode_payment(payment, out));
        self.governance.encode(out);
        self.encode_rules(out);
        self.encode_affairs(out);
        put_u64(out, self.letters);
        self.encode_settlement(out);
        self.aftermath.encode(out);
        self.encode_fees(out);
        self.encode_reviews(out);
        self.encode_improvements(out);
        self.encode_cooling(out);
        self.encode_matters(out);
        self.encode_sponsorships(out);
        self.encode_days(out);
    }

    fn encode_rules(&self, out: &mut Vec<u8>) {
        put_u32(out, self.rulebook_version);
        put_rows(out, &self.rulebooks, Rulebook::encode);
        self.quotas.encode(out);
        self.waiting.encode(out);
    }

    fn encode_currencies(&self, out: &mut Vec<u8>) {
        put_count(out, self.currencies.len());
        for (at, (currency, accounts)) in self.currencies.iter().zip(&self.system_accounts).enumerate() {
            put_currency(out, *currency);
            put_u32(out, accounts.mirror.0);
            put_u32(out, accounts.rounding.0);
            out.extend_from_slice(&self.exchange_funded[at].to_le_bytes());
            out.extend_from_slice(&self.exchange_forgotten[at].to_le_bytes());
        }
    }

    fn encode_exchange(&self, out: &mut Vec<u8>) {
        put_count(out, self.rates.len());
        for ((debit, credit), offers) in &self.rates {
            put_u16(out, debit.0);
            put_u16(out, credit.0);
            put_rows(out, offers, |offer, out| {
                put_u32(out, offer.provider.0);
                put_rate(out, offer.rate);
                put_u32(out, offer.spread_ppm);
                put_u64(out, offer.credit_max.0);
                put_u64(out, offer.valid_until.0);
            });
        }
        put_count(out, self.quotes.len());
        self.quotes.values().for_each(|quote| encode_quote(quote, out));
        put_count(out, self.quote_expiries.len());
        for (expires_at, quote) in &self.quote_expiries {
            put_u64(out, expires_at.0);
            out.extend_from_slice(&quote.0);
        }
    }

    /// Reads what [`Self::encode_snapshot`] wrote; nothing may follow it.
    pub fn decode_snapshot(mut bytes: &[u8], seed: IndexSeed) -> Result<Self, DecodeError> {
        let bytes = &mut bytes;
        let mut clearing = Self::new(seed);
        if take_u16(bytes)? != VERSION {
            return Err(DecodeError::Unknown("snapshot version"));
        }
        clearing.height = take_u64(bytes)?;
        clearing.time = Time(take_u64(bytes)?);
        clearing.horizon = Time(take_u64(bytes)?);
        clearing.next_position = take_u64(bytes)?;
        clearing.state_root = Hash(take(bytes)?);
        let [tag] = take(bytes)?;
        clearing.settings = Settings::decode(tag, bytes)?;
        clearing.ledgers = Ledgers::decode_snapshot(bytes).map_err(|_| DecodeError::Unknown("ledger"))?;
        clearing.finals = Frontier::decode(bytes).map_err(|_| DecodeError::Unknown("tree"))?;
        clearing.owners = take_rows(bytes, |bytes| {
            Ok((Some(take_participant(bytes)?).filter(|owner| owner.0 != u32::MAX), take_purpose(bytes)?))
        })?;
        if clearing.owners.len() != clearing.ledgers.accounts().len() {
            return Err(DecodeError::Unknown("owner"));
        }
        clearing.decode_currencies(bytes)?;
        clearing.participants = take_rows(bytes, decode_participant)?;
        for (at, participant) in clearing.participants.iter().enumerate() {
            if clearing.by_bic.insert(participant.bic, ParticipantId(at as u32)).is_some() {
                return Err(DecodeError::Unknown("BIC, which is another's"));
            }
        }
        for _ in 0..take_u32(bytes)? {
            insert_last(&mut clearing.fundings, take(bytes)?, take(bytes)?)?;
        }
        clearing.decode_exchange(bytes)?;
        clearing.decode_payments(bytes)?;
        clearing.governance = Governance::decode(bytes)?;
        clearing.decode_rules(bytes, seed)?;
        clearing.decode_affairs(bytes)?;
        clearing.letters = take_u64(bytes)?;
        clearing.decode_settlement(bytes)?;
        clearing.aftermath = Aftermath::decode(bytes)?;
        clearing.decode_fees(bytes)?;
        clearing.decode_reviews(bytes)?;
        clearing.decode_improvements(bytes)?;
        clearing.decode_cooling(bytes)?;
        clearing.decode_matters(bytes)?;
        clearing.decode_sponsorships(bytes)?;
        clearing.decode_days(bytes)?;
        clearing.check_references()?;
        if bytes.is_empty() { Ok(clearing) } else { Err(DecodeError::Unknown("rest")) }
    }

    fn decode_rules(&mut self, bytes: &mut &[u8], seed: IndexSeed) -> Result<(), DecodeError> {
        self.rulebook_version = take_u32(bytes)?;
        self.rulebooks = take_rows(bytes, Rulebook::decode)?;
        if !self.rulebooks.iter().all(|book| book.is_valid(&self.currencies)) {
            return Err(DecodeError::Unknown("rulebook"));
        }
        self.quotas = Quotas::decode(bytes, seed)?;
        let participant = |id: ParticipantId| (id.0 as usize) < self.participants.len();
        self.waiting = WaitingRoom::decode(bytes, |pay| {
            participant(pay.debtor_agent) && participant(pay.creditor_agent) && self.ledger_of(pay.debit_currency).is_some()
        })?;
        Ok(())
    }

    /// Whatever a table names is in the table it names: nothing that reads the state afterwards looks past an end.
    fn check_references(&self) -> Result<(), DecodeError> {
        let ledger = |id: LedgerId| usize::from(id.0) < self.currencies.len();
        let account = |id: AccountId| self.ledgers.account(id).is_some();
        let participant = |id: ParticipantId| (id.0 as usize) < self.participants.len();
        let set = |set: &AccountSet| {
            account(set.settlement) && set.exchange.is_none_or(|exchange| account(exchange.pool) && account(exchange.spread))
        };
        let payment = |payment: &Payment| match payment.status {
            Status::Held(hold) => self.ledgers.hold(hold).is_ok(),
            Status::Settled(finality) | Status::Rejected(_, finality) | Status::Returned(finality) => {
                finality.leaf_index < self.finals.len()
            }
        };
        let quote = |quote: &Quote| {
            let terms = &quote.terms;
            participant(terms.debtor_agent)
                && participant(terms.provider)
                && ledger(quote.debit_ledger)
                && ledger(quote.credit_ledger)
        };
        let refers = [
            ("ledger of an account", self.ledgers.accounts().all(|(_, row)| ledger(row.ledger()))),
            ("owner", self.owners.iter().all(|(owner, _)| owner.is_none_or(participant))),
            ("system account", self.system_accounts.iter().all(|row| account(row.mirror) && account(row.rounding))),
            ("account of a participant", self.participants.iter().all(|row| row.accounts.iter().flatten().all(set))),
            ("pair", self.rates.keys().all(|(debit, credit)| ledger(*debit) && ledger(*credit))),
            ("provider", self.rates.values().flatten().all(|offer| participant(offer.provider))),
            ("quote", self.quotes.values().all(quote)),
            // Each final payment is one on record or forgotten, and what is forgotten was final.
            ("tree", (self.payments.first()..=self.payments.next().0).contains(&self.finals.len())),
            ("payment with a quota", self.quotas.reservers().all(|index| self.payments.get(index).is_some_and(Payment::is_open))),
            ("payment with a counted quota", self.quotas.committers().all(|index| self.payments.get(index).is_some())),
            ("returned payment", crate::returns::ret_01(self).is_ok()),
            ("state of a payment", self.payments.iter().all(payment)),
        ];
        refers.iter().find(|(_, holds)| !holds).map_or(Ok(()), |(what, _)| Err(DecodeError::Unknown(what)))
    }

    fn decode_currencies(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        for _ in 0..take_u32(bytes)? {
            self.currencies.push(take_currency(bytes)?);
            self.system_accounts
                .push(SystemAccounts { mirror: AccountId(take_u32(bytes)?), rounding: AccountId(take_u32(bytes)?) });
            self.exchange_funded.push(i128::from_le_bytes(take(bytes)?));
            self.exchange_forgotten.push(i128::from_le_bytes(take(bytes)?));
        }
        Ok(())
    }

    fn decode_exchange(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        for _ in 0..take_u32(bytes)? {
            let pair = (LedgerId(take_u16(bytes)?), LedgerId(take_u16(bytes)?));
            let offers = take_rows(bytes, |bytes| {
                Ok(StandingRate {
                    provider: take_participant(bytes)?,
                    rate: take_rate(bytes)?,
                    spread_ppm: take_u32(bytes)?,
                    credit_max: MinorUnits(take_u64(bytes)?),
                    valid_until: Time(take_u64(bytes)?),
                })
            })?;
            insert_last(&mut self.rates, pair, offers)?;
        }
        for _ in 0..take_u32(bytes)? {
            let quote = decode_quote(bytes)?;
            insert_last(&mut self.quotes, quote.terms.quote, quote)?;
        }
        for _ in 0..take_u32(bytes)? {
            self.quote_expiries.push_back((Time(take_u64(bytes)?), QuoteId(take(bytes)?)));
        }
        Ok(())
    }

    fn decode_payments(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        for queue in 0..self.deadlines.len() {
            for _ in 0..take_u32(bytes)? {
                self.deadlines[queue].push_back((Time(take_u64(bytes)?), PaymentIndex(take_u64(bytes)?)));
            }
        }
        let first = take_u64(bytes)?;
        let count = take_u32(bytes)?;
        // Numbers go on for longer than any chain; one that was forged must not wrap.
        if first > u64::MAX / 2 || count as usize > Payments::MAX {
            return Err(DecodeError::Unknown("number of a payment"));
        }
        self.payments = Payments::behind(first);
        for _ in 0..count {
            let payment = decode_payment(bytes)?;
            let agents = [payment.debtor_agent, payment.creditor_agent];
            let ledgers = [payment.debit_ledger, payment.credit_ledger];
            let in_tables = agents.iter().all(|agent| (agent.0 as usize) < self.participants.len())
                && ledgers.iter().all(|ledger| usize::from(ledger.0) < self.currencies.len());
            if !in_tables {
                return Err(DecodeError::Unknown("agent or ledger"));
            }
            let mark = Payments::mark(self.payments.next());
            self.by_uetr.insert(&payment.uetr.0, mark);
            self.by_message.insert(&payment.message_id.0, mark);
            self.payments.push(payment);
        }
        let in_table = self.deadlines.iter().flatten().all(|(_, index)| self.payments.get(*index).is_some());
        if in_table { Ok(()) } else { Err(DecodeError::Unknown("payment")) }
    }
}

fn encode_participant(participant: &Participant, out: &mut Vec<u8>) {
    out.extend_from_slice(&participant.bic.bytes());
    put_u16(out, participant.name.len() as u16);
    out.extend_from_slice(participant.name.as_bytes());
    put_rows(out, &participant.keys, ParticipantKey::encode);
    out.push(participant.status as u8);
    out.push(u8::from(participant.provides_exchange));
    put_rows(out, &participant.accounts, |set, out| {
        out.push(u8::from(set.is_some()) + u8::from(set.is_some_and(|set| set.exchange.is_some())));
        if let Some(set) = set {
            put_u32(out, set.settlement.0);
            if let Some(exchange) = set.exchange {
                put_u32(out, exchange.pool.0);
                put_u32(out, exchange.spread.0);
            }
        }
    });
}

/// At least one, and each number once, in order.
fn decode_keys(bytes: &mut &[u8]) -> Result<Vec<ParticipantKey>, DecodeError> {
    let keys = take_rows(bytes, ParticipantKey::decode)?;
    let in_order = keys.windows(2).all(|pair| pair[0].number < pair[1].number);
    let is_sound = in_order && (1..=Clearing::KEYS_MAX).contains(&keys.len());
    if is_sound { Ok(keys) } else { Err(DecodeError::Unknown("numbers of keys")) }
}

fn decode_participant(bytes: &mut &[u8]) -> Result<Participant, DecodeError> {
    let bic = take_bic(bytes)?;
    let name_bytes = usize::from(take_u16(bytes)?);
    let name = core::str::from_utf8(take_slice(bytes, name_bytes)?).map_err(|_| DecodeError::Unknown("name"))?.to_owned();
    Ok(Participant {
        bic,
        name,
        keys: decode_keys(bytes)?,
        status: take_status(bytes)?,
        provides_exchange: take_bool(bytes)?,
        watched: false,
        is_sponsored: false,
        accounts: take_rows(bytes, decode_account_set)?,
    })
}

fn decode_account_set(bytes: &mut &[u8]) -> Result<Option<AccountSet>, DecodeError> {
    let account = |bytes: &mut &[u8]| take_u32(bytes).map(AccountId);
    Ok(match take(bytes)? {
        [0] => None,
        [1] => Some(AccountSet { settlement: account(bytes)?, reserved: MinorUnits::ZERO, exchange: None }),
        [2] => Some(AccountSet {
            settlement: account(bytes)?,
            reserved: MinorUnits::ZERO,
            exchange: Some(ExchangeAccounts { pool: account(bytes)?, spread: account(bytes)? }),
        }),
        [3..=255] => return Err(DecodeError::Unknown("account set")),
    })
}

fn encode_quote(quote: &Quote, out: &mut Vec<u8>) {
    let terms = &quote.terms;
    out.extend_from_slice(&terms.quote.0);
    put_u32(out, terms.debtor_agent.0);
    put_u32(out, terms.provider.0);
    for amount in [terms.debit, terms.credit, terms.principal, terms.spread, terms.remainder] {
        put_u64(out, amount.minor.0);
        put_currency(out, amount.currency);
    }
    put_rate(out, terms.rate);
    put_u64(out, terms.expires_at.0);
    out.push(terms.capped.map_or(0, |cap| cap as u8 + 1));
    put_u16(out, quote.debit_ledger.0);
    put_u16(out, quote.credit_ledger.0);
    out.push(u8::from(quote.used));
}

fn decode_quote(bytes: &mut &[u8]) -> Result<Quote, DecodeError> {
    let amount = |bytes: &mut &[u8]| Ok(Amount { minor: MinorUnits(take_u64(bytes)?), currency: take_currency(bytes)? });
    Ok(Quote {
        terms: QuoteTerms {
            quote: QuoteId(take(bytes)?),
            debtor_agent: take_participant(bytes)?,
            provider: take_participant(bytes)?,
            debit: amount(bytes)?,
            credit: amount(bytes)?,
            principal: amount(bytes)?,
            spread: amount(bytes)?,
            remainder: amount(bytes)?,
            rate: take_rate(bytes)?,
            expires_at: Time(take_u64(bytes)?),
            capped: match take(bytes)? {
                [0] => None,
                [1] => Some(QuoteCap::Provider),
                [2] => Some(QuoteCap::Rulebook),
                [3..=255] => return Err(DecodeError::Unknown("cap of a quote")),
            },
        },
        debit_ledger: LedgerId(take_u16(bytes)?),
        credit_ledger: LedgerId(take_u16(bytes)?),
        used: take_bool(bytes)?,
    })
}

fn encode_payment(payment: &Payment, out: &mut Vec<u8>) {
    out.extend_from_slice(&payment.uetr.0);
    out.extend_from_slice(&payment.content.0);
    out.extend_from_slice(&payment.message_id.0);
    put_u32(out, payment.debtor_agent.0);
    put_u32(out, payment.creditor_agent.0);
    put_u64(out, payment.debit.0);
    put_u64(out, payment.credit.0);
    put_u16(out, payment.debit_ledger.0);
    put_u16(out, payment.credit_ledger.0);
    out.push(u8::from(payment.quote.is_some()));
    payment.quote.inspect(|quote| out.extend_from_slice(&quote.0));
    out.push(payment.priority as u8);
    put_risk(out, payment.risk);
    put_u64(out, payment.credited.map_or(0, |position| position.0));
    put_u64(out, payment.accepted_at.0);
    put_u64(out, payment.received_at.0);
    put_u64(out, payment.deadline.0);
    put_u64(out, payment.forwarded.map_or(0, |position| position.0));
    match payment.status {
        Status::Held(hold) => {
            let (slot, generation) = hold.to_parts();
            out.push(0);
            put_u32(out, slot);
            put_u32(out, generation);
        }
        Status::Settled(finality) => {
            out.push(1);
            put_finality(out, finality);
        }
        Status::Rejected(rejection, finality) => {
            out.extend_from_slice(&[2, rejection.number()]);
            out.extend_from_slice(&rejection.iso_reason().0);
            put_finality(out, finality);
        }
        Status::Returned(finality) => {
            out.push(3);
            put_finality(out, finality);
        }
    }
}

fn decode_payment(bytes: &mut &[u8]) -> Result<Payment, DecodeError> {
    Ok(Payment {
        uetr: Uetr(take(bytes)?),
        content: ContentHash(take(bytes)?),
        message_id: MessageIdHash(take(bytes)?),
        debtor_agent: take_participant(bytes)?,
        creditor_agent: take_participant(bytes)?,
        debit: MinorUnits(take_u64(bytes)?),
        credit: MinorUnits(take_u64(bytes)?),
        debit_ledger: LedgerId(take_u16(bytes)?),
        credit_ledger: LedgerId(take_u16(bytes)?),
        quote: match take_bool(bytes)? {
            true => Some(QuoteId(take(bytes)?)),
            false => None,
        },
        priority: if take_bool(bytes)? { Priority::Normal } else { Priority::High },
        risk: take_risk(bytes)?,
        credited: Some(take_u64(bytes)?).filter(|&position| position != 0).map(Position),
        accepted_at: Time(take_u64(bytes)?),
        received_at: Time(take_u64(bytes)?),
        deadline: Time(take_u64(bytes)?),
        charged: Charged::default(),
        posting: Posting::Unreported,
        posting_position: None,
        posting_reason: None,
        is_sponsored: false,
        forwarded: Some(take_u64(bytes)?).filter(|&position| position != 0).map(Position),
        status: match take(bytes)? {
            [0] => Status::Held(HoldId::from_parts(take_u32(bytes)?, take_u32(bytes)?)),
            [1] => Status::Settled(take_finality(bytes)?),
            [2] => {
                let [number] = take(bytes)?;
                let reason = take_reason(bytes)?;
                // The number of a rejection of ours says its reason: another one beside it is damage.
                let rejection = Rejection::decode(number, reason)
                    .filter(|rejection| rejection.iso_reason() == reason)
                    .ok_or(DecodeError::Unknown("rejection"))?;
                Status::Rejected(rejection, take_finality(bytes)?)
            }
            [3] => Status::Returned(take_finality(bytes)?),
            [4..=255] => return Err(DecodeError::Unknown("payment status")),
        },
    })
}

fn put_finality(out: &mut Vec<u8>, finality: Finality) {
    for number in [finality.at.0, finality.height, finality.position.0, finality.leaf_index] {
        put_u64(out, number);
    }
}

fn take_finality(bytes: &mut &[u8]) -> Result<Finality, DecodeError> {
    Ok(Finality {
        at: Time(take_u64(bytes)?),
        height: take_u64(bytes)?,
        position: Position(take_u64(bytes)?),
        leaf_index: take_u64(bytes)?,
    })
}

fn put_currency(out: &mut Vec<u8>, currency: Currency) {
    out.extend_from_slice(&currency.code.bytes());
    out.push(currency.exponent);
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    put_u32(out, u32::try_from(count).expect("tables are bounded below 2^32"));
}

fn put_rows<T>(out: &mut Vec<u8>, rows: &[T], encode: impl Fn(&T, &mut Vec<u8>)) {
    put_count(out, rows.len());
    rows.iter().for_each(|row| encode(row, out));
}

fn take_rows<T>(bytes: &mut &[u8], decode: impl Fn(&mut &[u8]) -> Result<T, DecodeError>) -> Result<Vec<T>, DecodeError> {
    let count = take_u32(bytes)?;
    (0..count).map(|_| decode(bytes)).collect()
}

/// Enters a row of a table that is written in the order of its keys: a state has one encoding.
fn insert_last<K: Ord, V>(table: &mut BTreeMap<K, V>, key: K, value: V) -> Result<(), DecodeError> {
    if table.last_key_value().is_some_and(|(last, _)| *last >= key) {
        return Err(DecodeError::Unknown("order of a table"));
    }
    table.insert(key, value);
    Ok(())
}
