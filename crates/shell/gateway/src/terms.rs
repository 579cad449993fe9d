//! What the rulebook asks about a payment, from its message: kinds of parties, purpose, person, time.

use crate::wire::Payment;
use clearing::{Basis, PairKey, PartyKind, PersonKey, Purpose, Terms, Time, Uetr};
use iso20022::view::IdentityView;
use signing::HashKey;

/// The terms of a payment. Whose quota it counts against leaves the gateway as a keyed hash only.
pub(crate) fn terms_of(payment: &Payment, persons: &HashKey) -> Terms {
    let view = &payment.view;
    let debtor = view.debtor.identity.as_ref();
    Terms {
        debtor: kind(debtor),
        creditor: kind(view.creditor.identity.as_ref()),
        purpose: view.purpose.as_deref().and_then(Purpose::parse),
        person: debtor.and_then(|identity| person(identity, persons)),
        execute_at: view.execute_from.map(Time),
        pair: pair(payment, persons),
        new_payee: view.new_payee,
        basis: match (view.request, view.collection) {
            (Some(request), _) => Basis::Request(Uetr(request)),
            (None, Some(collection)) => Basis::Collection(Uetr(collection)),
            (None, None) => Basis::Plain,
        },
    }
}

/// Debtor and creditor account together. Which they are leaves the gateway as a keyed hash only.
fn pair(payment: &Payment, hashes: &HashKey) -> Option<PairKey> {
    let (debtor, creditor) = (plain(payment.debtor_account()), plain(payment.creditor_account()));
    let known = !debtor.is_empty() && !creditor.is_empty();
    let agents = (payment.debtor_agent.as_str(), payment.creditor_agent.as_str());
    known.then(|| PairKey(hashes.hash(&["pair", agents.0, &debtor, agents.1, &creditor])))
}

fn kind(identity: Option<&IdentityView>) -> PartyKind {
    match identity {
        Some(identity) if identity.is_organisation => PartyKind::Institution,
        Some(_) | None => PartyKind::Person,
    }
}

/// A person is one document: of this kind, of this issuer, with this number.
pub(crate) fn person(identity: &IdentityView, persons: &HashKey) -> Option<PersonKey> {
    let number = plain(&identity.number);
    if identity.is_organisation || number.is_empty() {
        return None;
    }
    let text = |part: &Option<String>| plain(part.as_deref().unwrap_or_default());
    Some(PersonKey(persons.hash(&[&text(&identity.scheme), &text(&identity.issuer), &number])))
}

/// Banks write the same number with and without blanks, dashes and brackets: `A123456(3)`, `a1234563`.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(scheme: &str, issuer: &str, number: &str) -> IdentityView {
        IdentityView { is_organisation: false, scheme: Some(scheme.into()), issuer: Some(issuer.into()), number: number.into() }
    }

    #[test]
    fn one_document_is_one_person_however_it_is_written() {
        let key = HashKey::new(&[1; 32]);
        let person = |scheme, issuer, number| person(&identity(scheme, issuer, number), &key);
        let one = person("NIDN", "HK", "A123456(3)");
        assert!(one.is_some());
        assert_eq!(person("NIDN", "HK", " a 1234563"), one);
        for other in [person("CCPT", "HK", "A123456(3)"), person("NIDN", "CN", "A123456(3)"), person("NIDN", "HK", "A123456(4)")]
        {
            assert_ne!(other, one);
        }
        assert_eq!(person("NIDN", "HK", "( )"), None);
    }

    #[test]
    fn organisations_have_no_quota() {
        let company = IdentityView { is_organisation: true, ..identity("LEI", "", "5493001KJTIIGC8Y1R12") };
        assert_eq!(person(&company, &HashKey::new(&[1; 32])), None);
        assert_eq!((kind(Some(&company)), kind(None)), (PartyKind::Institution, PartyKind::Person));
    }
}
