//! Lines of tables about pre-authorisations and what is captured from them.
//!
//! ```text
//! preauth A1 PENG HARB 100.00 HKD until 3600 [other]  => asked | CLR-1123     PENG asks that 100.00 be reserved by HARB
//! reserve A1 with P1 HARB PENG 100.00 HKD [as `pay`]  => reserved 100.00 | rejected AM04
//! decline A1 HARB AC04                                => refused AC04
//! capture C1 from A1 PENG HARB 30.00 HKD [last] [created 3] [message M1] [other]  => settled | CLR-1202
//! release A1 PENG                                     => released, 30.00 captured | withdrawn
//! preauth-terms days 30 captures 16 [HKD=500.00]      what the scheme allows from now on
//! standing-of A1                                      => reserved 70.00 | captured 100.00 in 3
//! ```

use clearing::{
    AskPreauth, Capture, Command, ContentHash, IsoReason, MatterStep, MessageIdHash, ParticipantId, Pay, PreauthState,
    PreauthStep, PreauthTerms, PreauthView, SchemeTerms, Time, Uetr,
};
use money::{Amount, Currency, CurrencyCode, MinorUnits};

/// What the line's names and numbers stand for.
pub struct Reader<'a> {
    pub now: Time,
    pub participant: &'a dyn Fn(&str) -> ParticipantId,
    pub amount: &'a dyn Fn(&str, &str) -> MinorUnits,
    pub id: &'a dyn Fn(&str) -> [u8; 16],
    /// A payment's line.
    pub pay: &'a dyn Fn(&[&str]) -> Option<Pay>,
}

/// The command of a line.
pub fn command(words: &[&str], reader: &Reader<'_>) -> Result<Command, String> {
    let (participant, uetr) = (reader.participant, |name: &str| Uetr((reader.id)(name)));
    let content = ContentHash([if words.contains(&"other") { 2 } else { 1 }; 32]);
    let step = match *words {
        ["preauth", id, creditor, debtor, amount, code, "until", until, ..] => PreauthStep::Ask(AskPreauth {
            preauth: uetr(id),
            content,
            creditor_agent: participant(creditor),
            debtor_agent: participant(debtor),
            amount: (reader.amount)(amount, code),
            currency: currency(code)?,
            expires_at: seconds(until)?,
        }),
        ["reserve", id, "with", ref payment @ ..] => {
            let pay = (reader.pay)(payment).ok_or("a payment")?;
            PreauthStep::Reserve { preauth: uetr(id), pay: Box::new(pay) }
        }
        ["decline", id, debtor, reason] => PreauthStep::Refuse {
            preauth: uetr(id),
            debtor_agent: participant(debtor),
            reason: IsoReason::parse(reason).ok_or("reason")?,
        },
        ["release", id, creditor] => PreauthStep::Release { preauth: uetr(id), creditor_agent: participant(creditor) },
        ["capture", id, "from", preauth, creditor, debtor, amount, code, ref rest @ ..] => {
            let option = |word| rest.iter().position(|&found| found == word).map(|at| rest[at + 1]);
            PreauthStep::Capture(Capture {
                capture: uetr(id),
                preauth: uetr(preauth),
                content,
                message_id: MessageIdHash((reader.id)(option("message").unwrap_or(id))),
                creditor_agent: participant(creditor),
                debtor_agent: participant(debtor),
                amount: (reader.amount)(amount, code),
                currency: currency(code)?,
                is_last: rest.contains(&"last"),
                created_at: option("created").map_or(Ok(reader.now), seconds)?,
            })
        }
        _ => return terms(words, reader),
    };
    Ok(Command::Matter(MatterStep::Preauth(step)))
}

fn terms(words: &[&str], reader: &Reader<'_>) -> Result<Command, String> {
    let ["preauth-terms", "days", days, "captures", captures, ref amounts @ ..] = *words else {
        return Err("no such instruction".into());
    };
    let row = |text: &&str| {
        let (code, most) = text.split_once('=').ok_or("an amount")?;
        Ok((Currency::new(currency(code)?, 2).map_err(|_| "currency")?, (reader.amount)(most, code)))
    };
    Ok(Command::SchemeTerms(SchemeTerms::Preauths(PreauthTerms {
        days_max: days.parse().map_err(|_| "days")?,
        captures_max: captures.parse().map_err(|_| "captures")?,
        amounts: amounts.iter().map(row).collect::<Result<_, String>>()?,
    })))
}

fn currency(code: &str) -> Result<CurrencyCode, String> {
    code.parse().map_err(|_| "currency".to_owned())
}

fn seconds(text: &str) -> Result<Time, String> {
    text.parse::<u64>().map(|seconds| Time(seconds * 1_000_000_000)).map_err(|_| "time".to_owned())
}

/// How a pre-authorisation stands.
pub fn words(preauth: &PreauthView) -> String {
    let amount = |minor| Amount { minor, ..preauth.amount };
    let captured = format!("{} captured", amount(preauth.captured));
    match preauth.state {
        PreauthState::Asked => "asked".into(),
        PreauthState::Reserved => format!("reserved {}", amount(preauth.left())),
        PreauthState::Captured => format!("{captured} in {}", preauth.captures),
        PreauthState::Released => format!("released, {captured}"),
        PreauthState::Refused => format!("refused {}", preauth.reason.expect("a refusal has a reason")),
        PreauthState::Withdrawn => "withdrawn".into(),
        PreauthState::Expired => format!("expired, {captured}"),
    }
}
