//! Commands: everything that can be asked of the centre, with everything that came from the world inside.

use crate::{
    AnswerRecall, Arrangement, Bic, ContentHash, DayCommand, Improvements, MatterStep, MessageIdHash, Notice, Officer, Order,
    ParticipantId, PostingReport, QuoteId, Recall, Return, ReturnTerms, Rulebook, SchemeTerms, SetNodes, Settings,
    SettlementCommand, SponsorshipCommand, Terms, Time, Uetr,
};
use money::{Currency, CurrencyCode, MinorUnits, Rate};

/// One instruction to the centre. Append only: the encoding in `codec` is kept for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Sets the scheme's times; holds for payments and quotes from now on.
    Configure(Settings),
    /// Opens the ledger of a currency.
    OpenLedger(Currency),
    /// Registers a participant and opens its settlement account on each ledger named.
    RegisterParticipant(RegisterParticipant),
    /// Moves money in from or out to the settlement agent's books.
    Fund(Fund),
    /// Allows or stops a participant.
    SetStatus {
        /// Whom.
        participant: ParticipantId,
        /// To what.
        status: ParticipantStatus,
    },
    /// An exchange provider's standing rate for one currency pair; replaces its earlier one.
    PublishRate(PublishRate),
    /// Asks all providers for their firm quote.
    RequestQuote(RequestQuote),
    /// A customer credit transfer (`pacs.008`).
    Pay(Pay),
    /// The creditor agent's answer (`pacs.002`).
    Answer(Answer),
    /// The creditor agent says that its customer has the money (`pacs.002` ACCC).
    ReportCredited {
        /// Which payment.
        uetr: Uetr,
        /// Who says so, as authenticated.
        creditor_agent: ParticipantId,
    },
    /// An operator's command that two officers signed.
    Order(Order),
    /// Who may sign orders, all of them: the first ones come with the chain, later ones by order.
    AppointOfficers(Vec<Officer>),
    /// The nodes of the chain from the next epoch on; by order only.
    SetNodes(SetNodes),
    /// The debtor agent takes back a payment that waits (`camt.056`).
    Cancel {
        /// Which payment.
        uetr: Uetr,
        /// Who says so, as authenticated.
        debtor_agent: ParticipantId,
    },
    /// The rules from some time on.
    SetRulebook(Rulebook),
    /// What operators arrange with one participant.
    Arrange(Arrangement),
    /// What a participant tells of itself.
    Notice(Notice),
    /// Something between participants and settlement agents.
    Settle(SettlementCommand),
    /// Operators' word to all participants (`admi.004`); by order only.
    Broadcast(Broadcast),
    /// A creditor agent sends money back (`pacs.004`).
    Return(Return),
    /// A debtor agent asks for a settled payment back (`camt.056`).
    Recall(Recall),
    /// The creditor agent answers that (`camt.029`).
    AnswerRecall(AnswerRecall),
    /// Sets the times of what follows settlement.
    SetReturnTerms(ReturnTerms),
    /// What is to hold for the whole scheme.
    SchemeTerms(SchemeTerms),
    /// The creditor agent reviews a payment before it posts it, or has it frozen (`pacs.002` ACWP, BLCK).
    ReportPosting(PostingReport),
    /// A standing rate with improvements for large amounts and known banks; replaces the provider's earlier one for the pair.
    OfferRate(OfferRate),
    /// A step of a matter between two agents: a request to pay.
    Matter(MatterStep),
    /// Who settles for whom, and what the two have settled outside.
    Sponsorship(SponsorshipCommand),
    /// Business days: their calendars, and statements at their ends.
    Day(DayCommand),
}

/// What operators tell all participants: an outage, a change of hours, a day that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broadcast {
    /// What has happened or will (`EvtCd`).
    pub event: IsoReason,
    /// In words (`EvtDesc`): 1 to [`Broadcast::TEXT_BYTES_MAX`] bytes of UTF-8. It stays in the chain, so nobody is named in it.
    pub text: String,
}

impl Broadcast {
    /// Longest text (ISO `Max1000Text`, in bytes).
    pub const TEXT_BYTES_MAX: usize = 1000;
}

/// A participant as it joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterParticipant {
    /// Its BIC; registering the same BIC again changes name and key.
    pub bic: Bic,
    /// Its display name, at most [`RegisterParticipant::NAME_BYTES_MAX`] bytes of UTF-8.
    pub name: String,
    /// Public Ed25519 key its messages are signed with.
    pub key: [u8; 32],
    /// Whether it may publish exchange rates.
    pub provides_exchange: bool,
    /// Currencies to open settlement accounts in; at most [`RegisterParticipant::CURRENCIES_MAX`].
    pub currencies: Vec<CurrencyCode>,
}

impl RegisterParticipant {
    /// Longest display name (ISO `Max140Text`, in bytes).
    pub const NAME_BYTES_MAX: usize = 140;
    /// Most currencies of one participant.
    pub const CURRENCIES_MAX: usize = 32;
}

/// What a participant may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ParticipantStatus {
    /// Sends and receives.
    Live,
    /// Neither sends nor receives; payments under way still end.
    Suspended,
    /// Asked to take part; nothing is open to it yet.
    Applied,
    /// Has shown that it can take part; may bring money, neither sends nor receives.
    Certified,
    /// Receives, does not send.
    ReceiveOnly,
    /// Sends, does not receive.
    SendOnly,
    /// Is gone, with nothing on its accounts.
    Left,
}

/// Which of a participant's accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccountPurpose {
    /// Prefunded cover of its payments.
    Settlement,
    /// Pool an exchange provider pays out of and takes into.
    Exchange,
    /// What an exchange provider earned.
    Spread,
    /// What payments were charged; the scheme's own only.
    Fees = 90,
}

/// Prefunding or withdrawal, told by the settlement agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fund {
    /// Whose account.
    pub participant: ParticipantId,
    /// On which ledger.
    pub currency: CurrencyCode,
    /// Which account.
    pub purpose: AccountPurpose,
    /// In or out.
    pub direction: FundDirection,
    /// How much; not zero.
    pub amount: MinorUnits,
    /// The settlement agent's own reference: the same reference moves money once.
    pub reference: [u8; 16],
}

/// Which way prefunding moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FundDirection {
    /// Onto the participant's account.
    In,
    /// Off the participant's account.
    Out,
}

/// A standing rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishRate {
    /// The exchange provider, as authenticated.
    pub provider: ParticipantId,
    /// Currency the provider takes.
    pub debit_currency: CurrencyCode,
    /// Currency the provider gives.
    pub credit_currency: CurrencyCode,
    /// Credit-currency units per debit-currency unit, before spread.
    pub rate: Rate,
    /// What the provider earns of the debit amount, in millionths; below 1,000,000.
    pub spread_ppm: u32,
    /// Most it gives in one payment.
    pub credit_max: MinorUnits,
    /// When the rate stops being offered.
    pub valid_until: Time,
}

/// A standing rate, and what the provider forgoes of its spread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferRate {
    /// The rate.
    pub rate: PublishRate,
    /// Less spread for some.
    pub improvements: Improvements,
}

/// Which side of an exchange is fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FixedSide {
    /// The debtor pays exactly this.
    Debit(MinorUnits),
    /// The creditor receives exactly this.
    Credit(MinorUnits),
}

/// A request for firm quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestQuote {
    /// Fresh identifier of the quote to be issued.
    pub quote: QuoteId,
    /// Who asks, as authenticated; only it can use the quote.
    pub debtor_agent: ParticipantId,
    /// Currency the debtor pays.
    pub debit_currency: CurrencyCode,
    /// Currency the creditor receives.
    pub credit_currency: CurrencyCode,
    /// Which amount is exact.
    pub fixed: FixedSide,
    /// Whether less is taken where all cannot be had, and for which payment.
    pub cover: Option<Cover>,
}

/// What a quote that may be capped is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cover {
    /// Who is to be credited; without it the rulebook is not asked.
    pub creditor_agent: Option<ParticipantId>,
    /// What the rulebook asks about.
    pub terms: Terms,
}

/// One credit transfer on its way, after authentication, schema, business rules, screening and risk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pay {
    /// Its UETR.
    pub uetr: Uetr,
    /// SHA-256 of the signed body as received.
    pub content: ContentHash,
    /// Its `MsgId`, hashed with the sender.
    pub message_id: MessageIdHash,
    /// Who sent it, as authenticated.
    pub debtor_agent: ParticipantId,
    /// Who is to be credited.
    pub creditor_agent: ParticipantId,
    /// What leaves the debtor agent (`IntrBkSttlmAmt` as sent).
    pub debit: MinorUnits,
    /// Its currency.
    pub debit_currency: CurrencyCode,
    /// The quote that turns it into another currency, if any.
    pub quote: Option<QuoteId>,
    /// How urgent (`InstrPrty`): sets the answer deadline.
    pub priority: Priority,
    /// When the debtor agent accepted it (`AccptncDtTm`).
    pub accepted_at: Time,
    /// What the risk rules decided.
    pub risk: RiskDecision,
    /// What the rulebook asks about.
    pub terms: Terms,
}

/// Urgency of a payment (ISO `InstrPrty`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Somebody waits at a counter.
    High,
    /// Person to person.
    Normal,
}

/// The outcome of screening and risk rules, carried into the chain without personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RiskDecision {
    /// What follows.
    pub verdict: RiskVerdict,
    /// 0 (nothing noticed) to 1000.
    pub score: u16,
    /// Bit n set: rule n of the risk crate's register fired.
    pub rules: u32,
}

impl RiskDecision {
    /// Nothing noticed.
    pub const PASS: Self = Self { verdict: RiskVerdict::Pass, score: 0, rules: 0 };
}

/// What follows from a risk decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RiskVerdict {
    /// Goes on.
    Pass,
    /// Goes on and is shown to the operator.
    Review,
    /// Is rejected with ISO reason RR04.
    Block,
}

/// The creditor agent's word on a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Which payment.
    pub uetr: Uetr,
    /// Who answers, as authenticated.
    pub creditor_agent: ParticipantId,
    /// What it says.
    pub verdict: AnswerVerdict,
    /// SHA-256 of the signed body as received.
    pub content: ContentHash,
}

/// Will it credit its customer?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerVerdict {
    /// It will (`ACSP`, `ACCP`, `ACTC`).
    WillCredit,
    /// It will not, for this ISO reason (`RJCT`).
    Refuses(IsoReason),
}

/// Four characters of an ISO 20022 external reason code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IsoReason(pub [u8; 4]);

impl IsoReason {
    /// Reads exactly four capitals or digits.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 4] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()).then_some(Self(bytes))
    }

    /// The four characters.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or("NARR")
    }
}

impl core::fmt::Debug for IsoReason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl core::fmt::Display for IsoReason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}
