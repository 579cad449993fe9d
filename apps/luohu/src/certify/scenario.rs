//! The scenarios: what the centre and the other bank do, and what the bank under test must have done afterwards. How each is
//! played is in [`super::plays`].

use super::Kit;
use super::counterparty::Manner;
use super::plays::{affairs, line, payments};
use super::report::Seen;
use anyhow::Result;
use iso20022::view::NameVerdict;

macro_rules! scenarios {
    ($($name:ident = $code:literal, $id:literal, $rule:literal, $title:literal, $expected:literal;)*) => {
        /// A scenario. Codes and ids are stable: append only.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Scenario { $(#[doc = $title] $name,)* }

        impl Scenario {
            /// In the order they are played.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Its stable name.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// The rule it proves.
            pub const fn rule(self) -> &'static str {
                match self { $(Self::$name => $rule,)* }
            }

            /// What happens.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What the bank must do.
            pub const fn expected(self) -> &'static str {
                match self { $(Self::$name => $expected,)* }
            }
        }
    };
}

scenarios! {
    NameFits = "CERT-01", "name-fits", "a payee check is answered within five seconds and truthfully",
        "the other bank asks whether the customer's name fits the account", "acmt.024: a match";
    NameDiffers = "CERT-02", "name-differs", "a payee check is answered within five seconds and truthfully",
        "it asks with somebody else's name", "acmt.024: no match";
    CreditIn = "CERT-03", "credit-in", "a payment is answered before its deadline, credited when it settled, and reported",
        "a payment to the customer", "the answer is yes in time, the customer is credited once, pacs.002 ACCC follows";
    CreditNobody = "CERT-04", "credit-nobody", "what cannot be credited is refused with an ISO reason, not by silence",
        "a payment to an account the bank does not have", "refused with an ISO reason in time, nobody is credited";
    SentAgain = "CERT-05", "sent-again", "the same message again moves nothing (PAY-03)",
        "the other bank sends a payment that has settled again, the same bytes", "settled once, credited once";
    ForgedItem = "CERT-06", "forged-item", "an item is believed when the centre's signature fits it, and not otherwise",
        "an inbox item arrives with another amount than the centre signed",
        "it is not believed: credited is what settled, nothing else";
    ItemsAgain = "CERT-07", "items-again", "an item is booked once, however often it comes",
        "the line is cut and the inbox comes again from its beginning", "what was booked is not booked again";
    DebitOut = "CERT-08", "debit-out", "a payment that settled is debited once (PAY-02)",
        "the customer pays, the other bank credits", "settled, the customer is debited once";
    Refused = "CERT-09", "refused", "a payment that was rejected leaves the customer's money where it was (PAY-02)",
        "the customer pays, the other bank refuses with AC04", "rejected with AC04, the customer has the money again";
    OddReason = "CERT-10", "odd-reason", "every reason of the ISO code set is understood as a refusal",
        "it refuses with a reason seldom used, NARR", "rejected with NARR, the customer has the money again";
    Silent = "CERT-11", "silent", "silence ends in a reject, for both sides (PAY-02)",
        "it says nothing", "rejected after the deadline, the customer has the money again";
    Late = "CERT-12", "late", "a late answer changes nothing (PAY-01)",
        "it says yes after the deadline", "rejected all the same, the customer has the money again";
    LostAnswer = "CERT-13", "lost-answer", "silence is not an answer: ask, or send the same bytes again (PAY-03)",
        "the centre takes the customer's payment, its answer is lost",
        "the bank asks or sends the same bytes again: settled, debited once";
    Exchange = "CERT-14", "exchange", "the customer pays what the quote said (PAY-04)",
        "the customer pays in another currency, with a quote", "settled, debited is exactly what the quote said";
    Suspended = "CERT-15", "suspended", "a reject at once is a reject (PAY-02)",
        "the other bank is suspended", "rejected, the customer has the money again";
    NameNobody = "CERT-16", "name-nobody", "a payee check is answered within five seconds and truthfully",
        "the other bank asks about an account the bank does not have", "acmt.024: not possible, with a reason of the bank's own";
    Signed = "CERT-17", "signed", "every message is signed by who sends it",
        "a payment to the customer; the gateway judges every signature of the bank",
        "settled, and none of the bank's messages was refused with 401 or 403";
    AskedTwice = "CERT-18", "asked-twice", "one payment has one answer, the same each time (PAY-01)",
        "a payment to the customer arrives twice in the same stream",
        "whatever the bank says, it says the same each time: settled, credited once";
    AnswerAgain = "CERT-19", "answer-again", "an answer goes on its way until the centre has it",
        "the bank's answer to a payment is lost on the line", "the bank gives the same answer again, in time: settled, credited once";
    ForgedSignature = "CERT-20", "forged-signature", "an item is believed when the centre's signature fits it, and not otherwise",
        "an inbox item arrives under a signature in which one letter is another",
        "the bank does not answer it before it has read its inbox again; credited is what settled";
    CursorKept = "CERT-21", "cursor-kept", "the cursor is stored with what it books, and brought back",
        "a payment is credited, then the line is cut", "the bank comes back with the cursor of the last item it got";
    UnknownItem = "CERT-22", "unknown-item", "what a bank does not know it skips, and reads on",
        "a message this scheme does not have arrives, rightly signed, and a payment behind it", "the payment is credited as ever";
    Notice = "CERT-23", "notice", "the operators' word to all (admi.004) stops nothing",
        "the operators tell all participants something (admi.004), then comes a payment", "the bank gets it, the payment is credited as ever";
    InDoubt = "CERT-24", "in-doubt", "silence is not an answer: ask, or send the same bytes again (PAY-03)",
        "the answer to the customer's payment is lost and the inbox stays closed for a while",
        "the bank asks (pacs.028) or sends the same bytes again by itself: settled, debited once";
    OwnSuspension = "CERT-25", "own-suspension", "who is suspended does not pay; who is live again does",
        "the bank itself is suspended while its customer pays, then live again for the next payment",
        "the first is rejected and the customer has the money again, the second settles";
    ReturnIn = "CERT-26", "return-in", "money that comes back is the customer's again",
        "the customer's payment settles, then the other bank sends it back (pacs.004)", "the customer has the money again, once";
    RecallAsked = "CERT-27", "recall-asked", "who agrees to a recall sends the money back; who does not says why",
        "the other bank asks for a payment back (camt.056)",
        "camt.029 within twenty seconds: yes, and a return of all or a part follows, or no with a reason and nothing moves";
    RequestIn = "CERT-28", "request-in", "a request to pay is paid at most once, and exactly",
        "the other bank's customer asks the customer to pay (pain.013)",
        "pain.014 within its time: accepted and paid once, or refused with a reason and nothing moves";
    RequestNobody = "CERT-29", "request-nobody", "a request that cannot be paid is refused with a reason",
        "it asks an account the bank does not have to pay", "pain.014 RJCT with a reason, nothing moves";
    ReturnOut = "CERT-30", "return-out", "a return moves what it says, once",
        "the bank sends a payment back that its customer got", "pacs.004 of the same amount arrives, the customer is debited once";
    RecallOut = "CERT-31", "recall-out", "money that comes back is the customer's again",
        "the bank asks for a payment of its customer's back, the other bank agrees", "camt.056 arrives, the customer has the money again";
    RequestOut = "CERT-32", "request-out", "who asked to be paid learns that it was",
        "the customer asks the other bank's customer to pay, who does", "pain.013 arrives, the customer is credited once, the request stands as paid";
}

impl Scenario {
    /// The scenario of this code or name.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scenario| scenario.id() == text || scenario.code() == text)
    }

    /// Plays it.
    pub async fn play(self, kit: &Kit) -> Result<Seen> {
        kit.is_back().await?;
        kit.other.set_manner(self.manner());
        match self {
            Self::NameFits => payments::name(kit, &kit.customer, NameVerdict::Match).await,
            Self::NameDiffers => payments::name(kit, "Somebody Else Entirely", NameVerdict::NoMatch).await,
            Self::CreditIn => payments::credit_in(kit).await,
            Self::CreditNobody => payments::credit_nobody(kit).await,
            Self::SentAgain => payments::sent_again(kit).await,
            Self::ForgedItem => line::forged_item(kit).await,
            Self::ItemsAgain => line::items_again(kit).await,
            Self::DebitOut => payments::pays_out(kit, "10.01", "settled", None).await,
            Self::Refused => payments::pays_out(kit, "10.02", "rejected", Some("AC04")).await,
            Self::OddReason => payments::pays_out(kit, "10.03", "rejected", Some("NARR")).await,
            Self::Silent => payments::pays_out(kit, "10.04", "rejected", None).await,
            Self::Late => payments::pays_out(kit, "10.05", "rejected", None).await,
            Self::LostAnswer => line::lost_answer(kit).await,
            Self::Exchange => payments::exchange(kit).await,
            Self::Suspended => payments::suspended(kit).await,
            Self::NameNobody => payments::name_nobody(kit).await,
            Self::Signed => line::signed(kit).await,
            Self::AskedTwice => line::asked_twice(kit).await,
            Self::AnswerAgain => line::answer_again(kit).await,
            Self::ForgedSignature => line::forged_signature(kit).await,
            Self::CursorKept => line::cursor_kept(kit).await,
            Self::UnknownItem => line::unknown_item(kit).await,
            Self::Notice => line::notice(kit).await,
            Self::InDoubt => line::in_doubt(kit).await,
            Self::OwnSuspension => payments::own_suspension(kit).await,
            Self::ReturnIn => affairs::return_in(kit).await,
            Self::RecallAsked => affairs::recall_asked(kit).await,
            Self::RequestIn => affairs::request_in(kit).await,
            Self::RequestNobody => affairs::request_nobody(kit).await,
            Self::ReturnOut => affairs::return_out(kit).await,
            Self::RecallOut => affairs::recall_out(kit).await,
            Self::RequestOut => affairs::request_out(kit).await,
        }
    }

    /// What the other bank does meanwhile when it is paid.
    const fn manner(self) -> Manner {
        match self {
            Self::Refused => Manner::Refuses("AC04"),
            Self::OddReason => Manner::Refuses("NARR"),
            Self::Silent => Manner::Silent,
            Self::Late => Manner::Late,
            Self::NameFits
            | Self::NameDiffers
            | Self::CreditIn
            | Self::CreditNobody
            | Self::SentAgain
            | Self::ForgedItem
            | Self::ItemsAgain
            | Self::DebitOut
            | Self::LostAnswer
            | Self::Exchange
            | Self::Suspended
            | Self::NameNobody
            | Self::Signed
            | Self::AskedTwice
            | Self::AnswerAgain
            | Self::ForgedSignature
            | Self::CursorKept
            | Self::UnknownItem
            | Self::Notice
            | Self::InDoubt
            | Self::OwnSuspension
            | Self::ReturnIn
            | Self::RecallAsked
            | Self::RequestIn
            | Self::RequestNobody
            | Self::ReturnOut
            | Self::RecallOut
            | Self::RequestOut => Manner::Accepts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/certification.md");

    fn page() -> String {
        let mut text = "# Scenarios of the conformance kit\n\n\
            Written by `cargo xtask bless` from `apps/luohu/src/certify/scenario.rs`, in the order in which `luohu certify` plays them.\n\
            Codes and names are stable, and either is what `--only` takes. How to play them: [certify](../howto/certify.md).\n\n\
            | Code | Scenario | Rule | What happens | What must follow |\n|---|---|---|---|---|\n"
            .to_owned();
        for scenario in Scenario::ALL {
            let (code, id, rule) = (scenario.code(), scenario.id(), scenario.rule());
            let _ = writeln!(text, "| {code} | `{id}` | {rule} | {} | {} |", scenario.title(), scenario.expected());
        }
        text
    }

    #[test]
    fn the_page_is_the_made_one() {
        if std::env::var_os("LUOHU_BLESS").is_some() {
            std::fs::write(PAGE, page()).unwrap();
        }
        let committed = std::fs::read_to_string(PAGE).unwrap_or_default();
        assert!(committed == page(), "docs/reference/certification.md differs: LUOHU_BLESS=1 cargo test -p luohu");
    }

    #[test]
    fn codes_count_up_and_names_are_unique() {
        for (at, scenario) in (1..).zip(Scenario::ALL) {
            assert_eq!(scenario.code(), format!("CERT-{at:02}"));
            assert_eq!(Scenario::find(scenario.code()), Some(*scenario));
            assert_eq!(Scenario::find(scenario.id()), Some(*scenario));
        }
        let names: BTreeSet<_> = Scenario::ALL.iter().map(|scenario| scenario.id()).collect();
        assert_eq!(names.len(), Scenario::ALL.len());
        assert_eq!(Scenario::find("credit"), None);
    }
}
