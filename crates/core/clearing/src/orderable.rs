//! What two officers can order: the stable name of each such command, and the role that both must hold.
//!
//! One table, so that nothing can be ordered that no role guards.

use crate::settlement::AnswerTransfer;
use crate::{
    Arrangement, AskStatements, Command, DayCommand, OfficerRole, SchemeTerms, SettlementCommand, SponsorshipCommand, Square,
};

/// How a command is known as an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orderable {
    /// Stable name, as orders and records show it.
    pub name: &'static str,
    /// What both officers must hold.
    pub role: OfficerRole,
}

const fn orderable(name: &'static str, role: OfficerRole) -> Orderable {
    Orderable { name, role }
}

impl Command {
    /// How it is known as an order; `None`: it is a participant's, and nobody can order it.
    pub const fn if_ordered(&self) -> Option<Orderable> {
        use OfficerRole::{Communications, Membership, Money, Rules, Security};
        Some(match self {
            Self::RegisterParticipant(_) => orderable("register-participant", Membership),
            Self::SetStatus { .. } => orderable("set-status", Membership),
            Self::Notice(_) => orderable("notice", Membership),
            Self::SetNodes(_) => orderable("set-nodes", Membership),
            Self::Fund(_) => orderable("fund", Money),
            Self::Configure(_) => orderable("configure", Rules),
            Self::OpenLedger(_) => orderable("open-ledger", Rules),
            Self::SetRulebook(_) => orderable("set-rulebook", Rules),
            Self::SetReturnTerms(_) => orderable("set-return-terms", Rules),
            Self::SchemeTerms(terms) => orderable(terms.name(), Rules),
            Self::Broadcast(_) => orderable("broadcast", Communications),
            Self::AppointOfficers(_) => orderable("appoint-officers", Security),
            Self::Arrange(arrangement) => arrangement.if_ordered(),
            Self::Settle(command) => return command.if_ordered(),
            Self::Sponsorship(command) => return command.if_ordered(),
            Self::Day(command) => return command.if_ordered(),
            Self::Order(_)
            | Self::Cancel { .. }
            | Self::Return(_)
            | Self::Recall(_)
            | Self::AnswerRecall(_)
            | Self::PublishRate(_)
            | Self::RequestQuote(_)
            | Self::Pay(_)
            | Self::Answer(_)
            | Self::ReportCredited { .. }
            | Self::ReportPosting(_)
            | Self::OfferRate(_)
            | Self::Matter(_) => return None,
        })
    }
}

impl SchemeTerms {
    /// Stable name, as orders and records show it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Tariff(_) => "set-tariff",
            Self::Reviews(_) => "set-review-time",
            Self::CoolingOff(_) => "set-cooling-off",
            Self::Preauths(_) => "set-preauth-terms",
        }
    }
}

impl Arrangement {
    const fn if_ordered(&self) -> Orderable {
        match self {
            Self::Apply(_) => orderable("apply", OfficerRole::Membership),
            Self::SetLiquidity(_) => orderable("set-liquidity", OfficerRole::Money),
            Self::SetKey(_) => orderable("set-key", OfficerRole::Membership),
            // Holds for all participants, and moves nobody's money.
            Self::SetBreaker(_) => orderable("set-breaker", OfficerRole::Rules),
        }
    }
}

impl SettlementCommand {
    const fn if_ordered(&self) -> Option<Orderable> {
        match self {
            Self::Answer(AnswerTransfer { agent: None, .. }) => Some(orderable("answer-transfer", OfficerRole::Money)),
            Self::SetAgent(_) => Some(orderable("set-settlement-agent", OfficerRole::Money)),
            Self::SetTopUp(_) => Some(orderable("set-top-up", OfficerRole::Money)),
            Self::Ask(_) | Self::Answer(_) | Self::Send(_) | Self::TakeBack { .. } => None,
        }
    }
}

impl DayCommand {
    const fn if_ordered(&self) -> Option<Orderable> {
        match self {
            Self::SetCalendar(_) => Some(orderable("set-calendar", OfficerRole::Rules)),
            Self::AskStatements(AskStatements { is_ordered: true, .. }) => Some(orderable("ask-statements", OfficerRole::Money)),
            Self::AskStatements(_) => None,
        }
    }
}

impl SponsorshipCommand {
    const fn if_ordered(&self) -> Option<Orderable> {
        match self {
            Self::Sponsor(_) => Some(orderable("sponsor", OfficerRole::Money)),
            Self::Square(Square { by: None, .. }) => Some(orderable("square", OfficerRole::Money)),
            Self::Square(_) => None,
            Self::End(_) => Some(orderable("end-sponsor", OfficerRole::Money)),
        }
    }
}
