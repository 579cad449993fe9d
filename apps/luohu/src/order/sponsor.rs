//! Orders about sponsorships: who settles for whom, what they settled outside, and when that ends.

use crate::cli::{SponsorArgs, SquareArgs};
use anyhow::{Result, bail, ensure};
use clearing::{Command, EndSponsorship, ParticipantId, Sponsor, SponsorLimits, SponsorshipCommand, Square, SquarePayer};
use money::{Amount, Currency};

/// Somebody settles for somebody else, or with other limits.
pub fn sponsor(sponsor: ParticipantId, participant: ParticipantId, currency: Currency, args: &SponsorArgs) -> Result<Command> {
    let amount = |text: &str| anyhow::Ok(Amount::parse(text, currency)?.minor);
    let limits = SponsorLimits { net_debit: amount(&args.limit)?, payment_max: amount(&args.most)? };
    ensure!(!limits.payment_max.is_zero(), "--most must be greater than zero");
    let command = Sponsor { sponsor, participant, currency: currency.code, limits };
    Ok(Command::Sponsorship(SponsorshipCommand::Sponsor(command)))
}

/// A position is brought towards zero.
pub fn square(participant: ParticipantId, currency: Currency, args: &SquareArgs) -> Result<Command> {
    let paid_by = match args.paid_by.as_str() {
        "participant" => SquarePayer::Participant,
        "sponsor" => SquarePayer::Sponsor,
        other => bail!("--paid-by: {other} is neither participant nor sponsor"),
    };
    let amount = Amount::parse(&args.amount, currency)?.minor;
    let reference = uuid::Uuid::new_v4().into_bytes();
    let square = Square { reference, participant, currency: currency.code, by: None, paid_by, amount };
    Ok(Command::Sponsorship(SponsorshipCommand::Square(square)))
}

/// No new payments; what is under way ends.
pub fn end(participant: ParticipantId, currency: Currency) -> Command {
    Command::Sponsorship(SponsorshipCommand::End(EndSponsorship { participant, currency: currency.code }))
}

/// What it does, in words. Amounts are in minor units: the order says nothing of decimals.
pub fn words(command: &SponsorshipCommand) -> String {
    match command {
        SponsorshipCommand::Sponsor(Sponsor { sponsor, participant, currency, limits }) => format!(
            "participant {} settles in {currency} for participant {}: {} minor units net at most, {} in one payment",
            sponsor.0, participant.0, limits.net_debit.0, limits.payment_max.0
        ),
        SponsorshipCommand::Square(Square { participant, currency, paid_by, amount, .. }) => {
            let paid = match paid_by {
                SquarePayer::Participant => "it has paid its sponsor",
                SquarePayer::Sponsor => "its sponsor has paid it",
            };
            format!("square the position of participant {} in {currency}: {paid} {} minor units", participant.0, amount.0)
        }
        SponsorshipCommand::End(EndSponsorship { participant, currency }) => {
            format!("end the sponsorship of participant {} in {currency}: no new payments, what is under way ends", participant.0)
        }
    }
}
