//! Canonical bytes of commands, kept for ever in blocks. Little endian, fixed order, one tag byte a command.
//!
//! Every command has exactly one encoding: decoding refuses anything else, so a block's bytes are a function of its
//! commands. Text and lists carry a `u8` or `u16` length before them.

use crate::governance::{decode_nodes, encode_nodes};
use crate::roles::{PLAIN_TAG, WITH_ROLES_TAG, decode_officers, encode_officers};
use crate::{
    AccountPurpose, Answer, AnswerRecall, AnswerVerdict, Arrangement, Basis, Bic, Broadcast, Command, ContentHash, Cover,
    DayCommand, FixedSide, Fund, FundDirection, Improvements, IsoReason, MatterStep, MessageIdHash, Notice, OfferRate, Order,
    ParticipantId, ParticipantStatus, Pay, PostingReport, Priority, PublishRate, QuoteId, Recall, RegisterParticipant,
    RequestQuote, Return, ReturnTerms, RiskDecision, RiskVerdict, Rulebook, SchemeTerms, Settings, SettlementCommand,
    SponsorshipCommand, Terms, Time, Uetr,
};
use money::{Currency, CurrencyCode, MinorUnits, Rate};

/// The bytes are not the canonical encoding of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They end too early.
    #[error("the command ends early")]
    Short,
    /// A tag or value nobody writes.
    #[error("the command has an unknown {0}")]
    Unknown(&'static str),
}

impl Command {
    /// Appends the canonical bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Configure(settings) => {
                out.push(settings.tag());
                settings.encode(out);
            }
            Self::OpenLedger(currency) => {
                out.push(1);
                out.extend_from_slice(&currency.code.bytes());
                out.push(currency.exponent);
            }
            Self::RegisterParticipant(register) => {
                out.push(2);
                encode_register_fields(register, out);
            }
            Self::Fund(fund) => encode_fund(fund, out),
            Self::SetStatus { participant, status } => {
                out.push(4);
                put_u32(out, participant.0);
                out.push(*status as u8);
            }
            Self::PublishRate(publish) => {
                out.push(5);
                encode_rate(publish, out);
            }
            Self::OfferRate(offer) => {
                out.push(92);
                encode_rate(&offer.rate, out);
                offer.improvements.encode(out);
            }
            Self::RequestQuote(request) => encode_quote(request, out),
            Self::Pay(pay) => encode_pay(pay, out),
            Self::Answer(answer) => encode_answer(answer, out),
            Self::ReportCredited { uetr, creditor_agent } => {
                out.push(9);
                out.extend_from_slice(&uetr.0);
                put_u32(out, creditor_agent.0);
            }
            Self::Order(order) => {
                out.push(Self::ORDER_TAG);
                order.encode(out);
            }
            Self::AppointOfficers(officers) => encode_officers(officers, out),
            Self::SetNodes(set) => {
                out.push(22);
                encode_nodes(set, out);
            }
            Self::Cancel { uetr, debtor_agent } => {
                out.push(51);
                out.extend_from_slice(&uetr.0);
                put_u32(out, debtor_agent.0);
            }
            Self::SetRulebook(book) => {
                out.push(52);
                book.encode(out);
            }
            Self::Arrange(arrangement) => arrangement.encode(out),
            Self::Notice(notice) => notice.encode(out),
            Self::Settle(command) => command.encode(out),
            Self::Broadcast(broadcast) => {
                out.push(53);
                out.extend_from_slice(&broadcast.event.0);
                put_u16(out, broadcast.text.len() as u16);
                out.extend_from_slice(broadcast.text.as_bytes());
            }
            Self::Return(back) => back.encode(out),
            Self::Recall(recall) => recall.encode(out),
            Self::AnswerRecall(answer) => answer.encode(out),
            Self::SetReturnTerms(terms) => {
                out.push(ReturnTerms::TAG);
                terms.encode(out);
            }
            Self::SchemeTerms(terms) => terms.encode(out),
            Self::ReportPosting(report) => {
                out.push(91);
                report.encode(out);
            }
            Self::Matter(step) => step.encode(out),
            Self::Sponsorship(command) => command.encode(out),
            Self::Day(command) => command.encode(out),
        }
    }

    /// Reads one command and moves `bytes` behind it.
    pub fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let [tag] = take(bytes)?;
        Ok(match tag {
            0 | Settings::TAG => Self::Configure(Settings::decode(tag, bytes)?),
            1 => Self::OpenLedger(take_currency(bytes)?),
            2 => Self::RegisterParticipant(decode_register(bytes)?),
            3 => Self::Fund(decode_fund(bytes)?),
            4 => Self::SetStatus { participant: take_participant(bytes)?, status: take_status(bytes)? },
            5 => Self::PublishRate(decode_rate(bytes)?),
            6 => Self::RequestQuote(decode_quote(bytes)?),
            7 => Self::Pay(decode_pay(bytes)?),
            50 => Self::Pay(decode_pay_on_terms(bytes)?),
            51 => Self::Cancel { uetr: Uetr(take(bytes)?), debtor_agent: take_participant(bytes)? },
            52 => Self::SetRulebook(Rulebook::decode(bytes)?),
            8 => Self::Answer(decode_answer(bytes)?),
            9 => Self::ReportCredited { uetr: Uetr(take(bytes)?), creditor_agent: take_participant(bytes)? },
            Self::ORDER_TAG => Self::Order(Order::decode(bytes)?),
            PLAIN_TAG | WITH_ROLES_TAG => Self::AppointOfficers(decode_officers(tag, bytes)?),
            22 => Self::SetNodes(decode_nodes(bytes)?),
            40..=46 => Self::Arrange(Arrangement::decode(tag, bytes)?),
            Notice::TAG => Self::Notice(Notice::decode(bytes)?),
            53 => Self::Broadcast(decode_broadcast(bytes)?),
            70 => Self::Pay(decode_pay_on_basis(bytes)?),
            74..=76 => Self::Sponsorship(SponsorshipCommand::decode(tag, bytes)?),
            65..=69 | 71..=73 | 77..=79 => Self::Matter(MatterStep::decode(tag, bytes)?),
            88..=89 => Self::Day(DayCommand::decode(tag, bytes)?),
            80..=85 => Self::Settle(SettlementCommand::decode(tag, bytes)?),
            Return::TAG => Self::Return(Return::decode(bytes)?),
            Recall::TAG => Self::Recall(Recall::decode(bytes)?),
            AnswerRecall::TAG => Self::AnswerRecall(AnswerRecall::decode(bytes)?),
            ReturnTerms::TAG => Self::SetReturnTerms(ReturnTerms::decode(bytes)?),
            SchemeTerms::TAG => Self::SchemeTerms(SchemeTerms::decode(bytes)?),
            91 => Self::ReportPosting(PostingReport::decode(bytes)?),
            92 => Self::OfferRate(OfferRate { rate: decode_rate(bytes)?, improvements: Improvements::decode(bytes)? }),
            93 => Self::RequestQuote(decode_covering_quote(bytes)?),
            94 => Self::Pay(decode_pay_to_payee(bytes)?),
            11..=19 | 23..=39 | 48..=49 | 54..=59 | 86..=87 | 95..=255 => return Err(DecodeError::Unknown("tag")),
        })
    }
}

pub(crate) fn encode_register_fields(register: &RegisterParticipant, out: &mut Vec<u8>) {
    out.extend_from_slice(&register.bic.bytes());
    put_u16(out, register.name.len() as u16);
    out.extend_from_slice(register.name.as_bytes());
    out.extend_from_slice(&register.key);
    out.push(u8::from(register.provides_exchange));
    out.push(register.currencies.len() as u8);
    register.currencies.iter().for_each(|code| out.extend_from_slice(&code.bytes()));
}

pub(crate) fn decode_register(bytes: &mut &[u8]) -> Result<RegisterParticipant, DecodeError> {
    let bic = take_bic(bytes)?;
    let name_bytes = usize::from(take_u16(bytes)?);
    let name = take_slice(bytes, name_bytes)?;
    let name = core::str::from_utf8(name).map_err(|_| DecodeError::Unknown("name"))?.to_owned();
    let key = take(bytes)?;
    let provides_exchange = take_bool(bytes)?;
    let [count] = take(bytes)?;
    let currencies = (0..count).map(|_| take_code(bytes)).collect::<Result<_, _>>()?;
    Ok(RegisterParticipant { bic, name, key, provides_exchange, currencies })
}

fn decode_broadcast(bytes: &mut &[u8]) -> Result<Broadcast, DecodeError> {
    let event = take_reason(bytes)?;
    let length = usize::from(take_u16(bytes)?);
    let text = core::str::from_utf8(take_slice(bytes, length)?).map_err(|_| DecodeError::Unknown("text"))?;
    Ok(Broadcast { event, text: text.to_owned() })
}

fn encode_fund(fund: &Fund, out: &mut Vec<u8>) {
    out.push(3);
    put_u32(out, fund.participant.0);
    out.extend_from_slice(&fund.currency.bytes());
    out.push(fund.purpose as u8);
    out.push(fund.direction as u8);
    put_u64(out, fund.amount.0);
    out.extend_from_slice(&fund.reference);
}

fn decode_fund(bytes: &mut &[u8]) -> Result<Fund, DecodeError> {
    Ok(Fund {
        participant: take_participant(bytes)?,
        currency: take_code(bytes)?,
        purpose: take_purpose(bytes)?,
        direction: match take(bytes)? {
            [0] => FundDirection::In,
            [1] => FundDirection::Out,
            [2..=255] => return Err(DecodeError::Unknown("direction")),
        },
        amount: MinorUnits(take_u64(bytes)?),
        reference: take(bytes)?,
    })
}

fn encode_rate(publish: &PublishRate, out: &mut Vec<u8>) {
    put_u32(out, publish.provider.0);
    out.extend_from_slice(&publish.debit_currency.bytes());
    out.extend_from_slice(&publish.credit_currency.bytes());
    put_rate(out, publish.rate);
    put_u32(out, publish.spread_ppm);
    put_u64(out, publish.credit_max.0);
    put_u64(out, publish.valid_until.0);
}

fn decode_rate(bytes: &mut &[u8]) -> Result<PublishRate, DecodeError> {
    Ok(PublishRate {
        provider: take_participant(bytes)?,
        debit_currency: take_code(bytes)?,
        credit_currency: take_code(bytes)?,
        rate: take_rate(bytes)?,
        spread_ppm: take_u32(bytes)?,
        credit_max: MinorUnits(take_u64(bytes)?),
        valid_until: Time(take_u64(bytes)?),
    })
}

/// Requests that take all or nothing are written as they were before there were others.
fn encode_quote(request: &RequestQuote, out: &mut Vec<u8>) {
    out.push(if request.cover.is_some() { 93 } else { 6 });
    out.extend_from_slice(&request.quote.0);
    put_u32(out, request.debtor_agent.0);
    out.extend_from_slice(&request.debit_currency.bytes());
    out.extend_from_slice(&request.credit_currency.bytes());
    let (side, amount) = match request.fixed {
        FixedSide::Debit(amount) => (0, amount),
        FixedSide::Credit(amount) => (1, amount),
    };
    out.push(side);
    put_u64(out, amount.0);
    if let Some(cover) = &request.cover {
        out.push(u8::from(cover.creditor_agent.is_some()));
        cover.creditor_agent.inspect(|agent| put_u32(out, agent.0));
        cover.terms.encode(out);
    }
}

fn decode_covering_quote(bytes: &mut &[u8]) -> Result<RequestQuote, DecodeError> {
    let plain = decode_quote(bytes)?;
    let creditor_agent = if take_bool(bytes)? { Some(take_participant(bytes)?) } else { None };
    Ok(RequestQuote { cover: Some(Cover { creditor_agent, terms: Terms::decode(bytes)? }), ..plain })
}

fn decode_quote(bytes: &mut &[u8]) -> Result<RequestQuote, DecodeError> {
    Ok(RequestQuote {
        quote: QuoteId(take(bytes)?),
        debtor_agent: take_participant(bytes)?,
        debit_currency: take_code(bytes)?,
        credit_currency: take_code(bytes)?,
        fixed: match (take_bool(bytes)?, MinorUnits(take_u64(bytes)?)) {
            (false, amount) => FixedSide::Debit(amount),
            (true, amount) => FixedSide::Credit(amount),
        },
        cover: None,
    })
}

/// Payments without terms, those without a payee and those made on nothing are written as they were before there were any.
fn encode_pay(pay: &Pay, out: &mut Vec<u8>) {
    let (has_terms, says_payee) = (pay.terms != Terms::default(), pay.terms.says_payee());
    let has_basis = pay.terms.basis != Basis::Plain;
    out.push(match (has_basis, says_payee, has_terms) {
        (true, _, _) => 70,
        (false, true, _) => 94,
        (false, false, true) => 50,
        (false, false, false) => 7,
    });
    out.extend_from_slice(&pay.uetr.0);
    out.extend_from_slice(&pay.content.0);
    out.extend_from_slice(&pay.message_id.0);
    put_u32(out, pay.debtor_agent.0);
    put_u32(out, pay.creditor_agent.0);
    put_u64(out, pay.debit.0);
    out.extend_from_slice(&pay.debit_currency.bytes());
    out.push(u8::from(pay.quote.is_some()));
    if let Some(quote) = pay.quote {
        out.extend_from_slice(&quote.0);
    }
    out.push(pay.priority as u8);
    put_u64(out, pay.accepted_at.0);
    put_risk(out, pay.risk);
    if has_basis {
        out.push(u8::from(says_payee));
    }
    if has_terms {
        pay.terms.encode(out);
    }
    if says_payee {
        pay.terms.encode_payee(out);
    }
    if has_basis {
        pay.terms.basis.encode(out);
    }
}

fn decode_pay_to_payee(bytes: &mut &[u8]) -> Result<Pay, DecodeError> {
    let plain = decode_pay(bytes)?;
    Ok(Pay { terms: Terms::decode_with_payee(bytes)?, ..plain })
}

fn decode_pay_on_basis(bytes: &mut &[u8]) -> Result<Pay, DecodeError> {
    let plain = decode_pay(bytes)?;
    let terms = if take_bool(bytes)? { Terms::decode_with_payee(bytes)? } else { Terms::decode(bytes)? };
    Ok(Pay { terms: Terms { basis: Basis::decode(bytes)?, ..terms }, ..plain })
}

fn decode_pay_on_terms(bytes: &mut &[u8]) -> Result<Pay, DecodeError> {
    let plain = decode_pay(bytes)?;
    let pay = Pay { terms: Terms::decode(bytes)?, ..plain };
    if pay.terms == Terms::default() { Err(DecodeError::Unknown("terms")) } else { Ok(pay) }
}

fn decode_pay(bytes: &mut &[u8]) -> Result<Pay, DecodeError> {
    Ok(Pay {
        uetr: Uetr(take(bytes)?),
        content: ContentHash(take(bytes)?),
        message_id: MessageIdHash(take(bytes)?),
        debtor_agent: take_participant(bytes)?,
        creditor_agent: take_participant(bytes)?,
        debit: MinorUnits(take_u64(bytes)?),
        debit_currency: take_code(bytes)?,
        quote: match take_bool(bytes)? {
            true => Some(QuoteId(take(bytes)?)),
            false => None,
        },
        priority: match take(bytes)? {
            [0] => Priority::High,
            [1] => Priority::Normal,
            [2..=255] => return Err(DecodeError::Unknown("priority")),
        },
        accepted_at: Time(take_u64(bytes)?),
        risk: take_risk(bytes)?,
        terms: Terms::default(),
    })
}

fn encode_answer(answer: &Answer, out: &mut Vec<u8>) {
    out.push(8);
    out.extend_from_slice(&answer.uetr.0);
    put_u32(out, answer.creditor_agent.0);
    match answer.verdict {
        AnswerVerdict::WillCredit => out.push(0),
        AnswerVerdict::Refuses(reason) => {
            out.push(1);
            out.extend_from_slice(&reason.0);
        }
    }
    out.extend_from_slice(&answer.content.0);
}

fn decode_answer(bytes: &mut &[u8]) -> Result<Answer, DecodeError> {
    Ok(Answer {
        uetr: Uetr(take(bytes)?),
        creditor_agent: take_participant(bytes)?,
        verdict: match take_bool(bytes)? {
            false => AnswerVerdict::WillCredit,
            true => AnswerVerdict::Refuses(take_reason(bytes)?),
        },
        content: ContentHash(take(bytes)?),
    })
}

pub(crate) fn put_u16(out: &mut Vec<u8>, n: u16) {
    out.extend_from_slice(&n.to_le_bytes());
}
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_u16(out, text.len() as u16);
    out.extend_from_slice(text.as_bytes());
}
pub(crate) fn put_u32(out: &mut Vec<u8>, n: u32) {
    out.extend_from_slice(&n.to_le_bytes());
}
pub(crate) fn put_u64(out: &mut Vec<u8>, n: u64) {
    out.extend_from_slice(&n.to_le_bytes());
}
pub(crate) fn put_rate(out: &mut Vec<u8>, rate: Rate) {
    put_u64(out, rate.numerator());
    out.push(rate.decimals());
}
pub(crate) fn put_risk(out: &mut Vec<u8>, risk: RiskDecision) {
    out.push(risk.verdict as u8);
    put_u16(out, risk.score);
    put_u32(out, risk.rules);
}

pub(crate) fn take_slice<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], DecodeError> {
    let (head, tail) = bytes.split_at_checked(count).ok_or(DecodeError::Short)?;
    *bytes = tail;
    Ok(head)
}
pub(crate) fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], DecodeError> {
    let (head, tail) = bytes.split_first_chunk::<N>().ok_or(DecodeError::Short)?;
    *bytes = tail;
    Ok(*head)
}
pub(crate) fn take_text(bytes: &mut &[u8]) -> Result<String, DecodeError> {
    let length = usize::from(take_u16(bytes)?);
    let text = core::str::from_utf8(take_slice(bytes, length)?).map_err(|_| DecodeError::Unknown("text"))?;
    Ok(text.to_owned())
}
pub(crate) fn take_u16(bytes: &mut &[u8]) -> Result<u16, DecodeError> {
    take(bytes).map(u16::from_le_bytes)
}
pub(crate) fn take_u32(bytes: &mut &[u8]) -> Result<u32, DecodeError> {
    take(bytes).map(u32::from_le_bytes)
}
pub(crate) fn take_u64(bytes: &mut &[u8]) -> Result<u64, DecodeError> {
    take(bytes).map(u64::from_le_bytes)
}
pub(crate) fn take_bool(bytes: &mut &[u8]) -> Result<bool, DecodeError> {
    match take(bytes)? {
        [0] => Ok(false),
        [1] => Ok(true),
        [2..=255] => Err(DecodeError::Unknown("flag")),
    }
}
pub(crate) fn take_participant(bytes: &mut &[u8]) -> Result<ParticipantId, DecodeError> {
    take_u32(bytes).map(ParticipantId)
}
pub(crate) fn take_code(bytes: &mut &[u8]) -> Result<CurrencyCode, DecodeError> {
    CurrencyCode::new(take(bytes)?).map_err(|_| DecodeError::Unknown("currency"))
}
pub(crate) fn take_currency(bytes: &mut &[u8]) -> Result<Currency, DecodeError> {
    let code = take_code(bytes)?;
    let [exponent] = take(bytes)?;
    Currency::new(code, exponent).map_err(|_| DecodeError::Unknown("exponent"))
}
pub(crate) fn take_bic(bytes: &mut &[u8]) -> Result<Bic, DecodeError> {
    let raw: [u8; 11] = take(bytes)?;
    core::str::from_utf8(&raw).ok().and_then(Bic::parse).ok_or(DecodeError::Unknown("BIC"))
}
pub(crate) fn take_reason(bytes: &mut &[u8]) -> Result<IsoReason, DecodeError> {
    let raw: [u8; 4] = take(bytes)?;
    core::str::from_utf8(&raw).ok().and_then(IsoReason::parse).ok_or(DecodeError::Unknown("reason"))
}
pub(crate) fn take_rate(bytes: &mut &[u8]) -> Result<Rate, DecodeError> {
    let numerator = take_u64(bytes)?;
    let [decimals] = take(bytes)?;
    Rate::new(numerator, decimals).map_err(|_| DecodeError::Unknown("rate"))
}
pub(crate) fn take_status(bytes: &mut &[u8]) -> Result<ParticipantStatus, DecodeError> {
    match take(bytes)? {
        [0] => Ok(ParticipantStatus::Live),
        [1] => Ok(ParticipantStatus::Suspended),
        [2] => Ok(ParticipantStatus::Applied),
        [3] => Ok(ParticipantStatus::Certified),
        [4] => Ok(ParticipantStatus::ReceiveOnly),
        [5] => Ok(ParticipantStatus::SendOnly),
        [6] => Ok(ParticipantStatus::Left),
        [7..=255] => Err(DecodeError::Unknown("status")),
    }
}
pub(crate) fn take_purpose(bytes: &mut &[u8]) -> Result<AccountPurpose, DecodeError> {
    match take(bytes)? {
        [0] => Ok(AccountPurpose::Settlement),
        [1] => Ok(AccountPurpose::Exchange),
        [2] => Ok(AccountPurpose::Spread),
        [90] => Ok(AccountPurpose::Fees),
        [3..=89 | 91..=255] => Err(DecodeError::Unknown("purpose")),
    }
}
pub(crate) fn take_risk(bytes: &mut &[u8]) -> Result<RiskDecision, DecodeError> {
    let verdict = match take(bytes)? {
        [0] => RiskVerdict::Pass,
        [1] => RiskVerdict::Review,
        [2] => RiskVerdict::Block,
        [3..=255] => return Err(DecodeError::Unknown("risk verdict")),
    };
    Ok(RiskDecision { verdict, score: take_u16(bytes)?, rules: take_u32(bytes)? })
}
