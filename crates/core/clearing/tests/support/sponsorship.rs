//! Instructions of tables about sponsorships.

use clearing::{
    Clearing, Command, EndSponsorship, ParticipantId, Sponsor, SponsorLimits, SponsorshipCommand, SponsorshipState, Square,
    SquarePayer,
};
use money::{Amount, Currency, CurrencyCode, MinorUnits};

type Participant<'a> = &'a dyn Fn(&str) -> ParticipantId;
type Minor<'a> = &'a dyn Fn(&str, &str) -> MinorUnits;

/// The command an instruction says.
pub fn command(
    words: &[&str],
    participant: Participant<'_>,
    amount: Minor<'_>,
    id: &dyn Fn(&str) -> [u8; 16],
    currency: &dyn Fn(&str) -> CurrencyCode,
) -> Result<Command, String> {
    Ok(Command::Sponsorship(match *words {
        ["sponsor", sponsor, "for", who, code, "limit", limit, "most", most] => SponsorshipCommand::Sponsor(Sponsor {
            sponsor: participant(sponsor),
            participant: participant(who),
            currency: currency(code),
            limits: SponsorLimits { net_debit: amount(limit, code), payment_max: amount(most, code) },
        }),
        ["square", reference, who, code, minor, "paid-by", payer, ref by @ ..] => SponsorshipCommand::Square(Square {
            reference: id(reference),
            participant: participant(who),
            currency: currency(code),
            by: match *by {
                [] => None,
                ["by", sponsor] => Some(participant(sponsor)),
                _ => return Err("by whom".to_owned()),
            },
            paid_by: match payer {
                "participant" => SquarePayer::Participant,
                "sponsor" => SquarePayer::Sponsor,
                _ => return Err("who paid".to_owned()),
            },
            amount: amount(minor, code),
        }),
        ["end-sponsor", who, code] => {
            SponsorshipCommand::End(EndSponsorship { participant: participant(who), currency: currency(code) })
        }
        _ => return Err("no such instruction of sponsorships".to_owned()),
    }))
}

/// How a sponsorship stands.
pub fn position(clearing: &Clearing, who: ParticipantId, code: CurrencyCode) -> Result<String, String> {
    let found = clearing.sponsorships().find(|view| view.participant == who && view.currency.code == code);
    let Some(view) = found else { return Ok("none".to_owned()) };
    let under_way = match view.under_way {
        0 => String::new(),
        count => format!(", {count} under way"),
    };
    let ending = if view.state == SponsorshipState::Ending { ", ending" } else { "" };
    let [position, held, room] =
        [view.position, i128::try_from(view.held).map_err(|_| "held")?, view.room()].map(|minor| signed(minor, view.currency));
    Ok(format!("{position} held {held} room {room}{under_way}{ending}"))
}

fn signed(minor: i128, currency: Currency) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    format!("{sign}{}", Amount::from_minor(u64::try_from(minor.unsigned_abs()).expect("small"), currency))
}
