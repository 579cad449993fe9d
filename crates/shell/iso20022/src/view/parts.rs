//! Parts that messages share: parties, addresses, agents, accounts, amounts.

use super::{Named, ViewError};
use crate::currencies;
use crate::generated::*;
use crate::value::{EpochNanos, date_time_from_nanos, date_time_to_nanos};
use money::{Amount, CurrencyCode};

/// A person or organisation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartyView {
    /// `Nm`; empty if not given.
    pub name: String,
    /// `PstlAdr`.
    pub address: Option<AddressView>,
    /// `CtryOfRes`.
    pub country_of_residence: Option<String>,
    /// `Id`.
    pub identity: Option<IdentityView>,
}

/// Who a party is by its document or register: the first of `Othr`, or what else an organisation is named by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IdentityView {
    /// `OrgId`, not `PrvtId`.
    pub is_organisation: bool,
    /// `SchmeNm/Cd` or `Prtry`: `NIDN`, `CCPT` …; `LEI` or `AnyBIC` for what has an element of its own.
    pub scheme: Option<String>,
    /// `Issr`.
    pub issuer: Option<String>,
    /// The number; empty if none is given.
    pub number: String,
}

/// A postal address, structured or hybrid.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddressView {
    /// `StrtNm`.
    pub street: Option<String>,
    /// `BldgNb`.
    pub building_number: Option<String>,
    /// `PstCd`.
    pub post_code: Option<String>,
    /// `TwnNm`.
    pub town: Option<String>,
    /// `Ctry`.
    pub country: Option<String>,
    /// `AdrLine`.
    pub lines: Vec<String>,
}

/// An account: its number, and the alias it was found by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountView {
    /// The IBAN or the bank's own number.
    pub number: String,
    /// Whether `number` is an IBAN.
    pub is_iban: bool,
    /// `Ccy`.
    pub currency: Option<String>,
    /// `Prxy`: type code (`MBNO`, `EMAL` …) and alias.
    pub alias: Option<(String, String)>,
}

/// A BIC in eleven characters: branch `XXX` is added to a BIC of eight.
pub fn bic_11(bic: &str) -> String {
    if bic.len() == 8 { format!("{bic}XXX") } else { bic.to_owned() }
}

pub(super) fn text<T: AsRef<str>>(value: &Option<T>) -> Option<String> {
    value.as_ref().map(|value| value.as_ref().to_owned())
}

/// Reads `Ccy` and the number as minor units.
pub(super) fn amount(field: &'static str, currency: &str, value: &str) -> Result<Amount, ViewError> {
    let fault = |text: String| ViewError::Amount { field, text };
    let code: CurrencyCode = currency.parse().map_err(|error: money::CurrencyError| fault(error.to_string()))?;
    let currency = currencies::currency(code).ok_or_else(|| fault(format!("{code} is no active ISO 4217 currency")))?;
    Amount::parse(value, currency).map_err(|error| fault(error.to_string()))
}

pub(super) fn nanos(field: &'static str, time: &ISODateTime) -> Result<EpochNanos, ViewError> {
    date_time_to_nanos(time.as_str()).ok_or(ViewError::Missing(field))
}

pub(super) fn time(nanos: EpochNanos) -> ISODateTime {
    ISODateTime::new(&date_time_from_nanos(nanos)).expect("a moment written by ourselves is a date and time")
}

/// `ChrgsInf`: how much, and whose charge it is.
pub(super) fn charge(amount: Amount, whose: &str) -> Result<Charges7, ViewError> {
    let amt = ActiveOrHistoricCurrencyAndAmount {
        ccy: ActiveOrHistoricCurrencyCode::new(amount.currency.code.as_str()).named("ChrgsInf/Amt/@Ccy")?,
        value: ActiveOrHistoricCurrencyAndAmountSimpleType::new(&amount.to_string()).named("ChrgsInf/Amt")?,
    };
    Ok(Charges7 { amt, agt: agent("ChrgsInf/Agt", whose)? })
}

/// Reads a charge; one of an agent without a BIC is nobody's.
pub(super) fn charge_of(charge: &Charges7) -> Result<(Amount, String), ViewError> {
    let amount = amount("ChrgsInf/Amt", charge.amt.ccy.as_str(), &charge.amt.value.to_string())?;
    Ok((amount, agent_bic(&charge.agt).unwrap_or_default()))
}

/// The BIC of an agent, if it is named by one.
pub(super) fn agent_bic(agent: &BranchAndFinancialInstitutionIdentification6) -> Option<String> {
    agent.fin_instn_id.bicfi.as_ref().map(|bic| bic_11(bic.as_str()))
}

pub(super) fn agent(field: &'static str, bic: &str) -> Result<BranchAndFinancialInstitutionIdentification6, ViewError> {
    let id = FinancialInstitutionIdentification18 {
        bicfi: Some(BICFIDec2014Identifier::new(bic).named(field)?),
        ..Default::default()
    };
    Ok(BranchAndFinancialInstitutionIdentification6 { fin_instn_id: id, brnch_id: None })
}

impl PartyView {
    pub(crate) fn of(party: &PartyIdentification135) -> Self {
        Self {
            name: text(&party.nm).unwrap_or_default(),
            address: party.pstl_adr.as_deref().map(AddressView::of),
            country_of_residence: text(&party.ctry_of_res),
            identity: party.id.as_deref().map(IdentityView::of),
        }
    }

    pub(super) fn build(&self) -> Result<PartyIdentification135, ViewError> {
        let address = self.address.as_ref().map(AddressView::build).transpose()?;
        Ok(PartyIdentification135 {
            nm: if self.name.is_empty() { None } else { Some(Max140Text::new(&*self.name).named("Nm")?) },
            pstl_adr: address.map(Box::new),
            ctry_of_res: optional(&self.country_of_residence, CountryCode::new, "CtryOfRes")?,
            id: self.identity.as_ref().map(IdentityView::build).transpose()?.map(Box::new),
            ..Default::default()
        })
    }
}

impl IdentityView {
    fn of(id: &Party38Choice) -> Self {
        match id {
            Party38Choice::PrvtId(person) => {
                let other = person.othr.first();
                let scheme = other.and_then(|other| other.schme_nm.as_deref()).map(|scheme| match scheme {
                    PersonIdentificationSchemeName1Choice::Cd(code) => code.as_str().to_owned(),
                    PersonIdentificationSchemeName1Choice::Prtry(own) => own.as_str().to_owned(),
                });
                Self {
                    is_organisation: false,
                    scheme,
                    issuer: other.and_then(|other| text(&other.issr)),
                    number: other.map(|other| other.id.as_str().to_owned()).unwrap_or_default(),
                }
            }
            Party38Choice::OrgId(organisation) => Self::of_organisation(organisation),
        }
    }

    fn of_organisation(organisation: &OrganisationIdentification29) -> Self {
        let named =
            |scheme: &str, number: String| Self { is_organisation: true, scheme: Some(scheme.to_owned()), issuer: None, number };
        if let Some(other) = organisation.othr.first() {
            let scheme = other.schme_nm.as_deref().map(|scheme| match scheme {
                OrganisationIdentificationSchemeName1Choice::Cd(code) => code.as_str().to_owned(),
                OrganisationIdentificationSchemeName1Choice::Prtry(own) => own.as_str().to_owned(),
            });
            return Self { is_organisation: true, scheme, issuer: text(&other.issr), number: other.id.as_str().to_owned() };
        }
        match (&organisation.lei, &organisation.any_bic) {
            (Some(lei), _) => named("LEI", lei.as_str().to_owned()),
            (None, Some(bic)) => named("AnyBIC", bic.as_str().to_owned()),
            (None, None) => Self { is_organisation: true, ..Self::default() },
        }
    }

    fn build(&self) -> Result<Party38Choice, ViewError> {
        let number = Max35Text::new(&*self.number).named("Id/Othr/Id")?;
        let issuer = optional(&self.issuer, Max35Text::new, "Id/Othr/Issr")?;
        Ok(if self.is_organisation {
            let code = optional(&self.scheme, ExternalOrganisationIdentification1Code::new, "Id/Othr/SchmeNm")?;
            let other = GenericOrganisationIdentification1 {
                schme_nm: code.map(|code| Box::new(OrganisationIdentificationSchemeName1Choice::Cd(code))),
                issr: issuer,
                ..GenericOrganisationIdentification1::new(number)
            };
            Party38Choice::OrgId(Box::new(OrganisationIdentification29 { othr: vec![other], ..Default::default() }))
        } else {
            let code = optional(&self.scheme, ExternalPersonIdentification1Code::new, "Id/Othr/SchmeNm")?;
            let other = GenericPersonIdentification1 {
                schme_nm: code.map(|code| Box::new(PersonIdentificationSchemeName1Choice::Cd(code))),
                issr: issuer,
                ..GenericPersonIdentification1::new(number)
            };
            Party38Choice::PrvtId(Box::new(PersonIdentification13 { othr: vec![other], ..Default::default() }))
        })
    }
}

impl AddressView {
    fn of(address: &PostalAddress24) -> Self {
        Self {
            street: text(&address.strt_nm),
            building_number: text(&address.bldg_nb),
            post_code: text(&address.pst_cd),
            town: text(&address.twn_nm),
            country: text(&address.ctry),
            lines: address.adr_line.iter().map(|line| line.as_str().to_owned()).collect(),
        }
    }

    fn build(&self) -> Result<PostalAddress24, ViewError> {
        if self.lines.len() > 7 {
            return Err(ViewError::NotOne("AdrLine"));
        }
        let lines = self.lines.iter().map(|line| Max70Text::new(&**line).named("AdrLine")).collect::<Result<_, _>>()?;
        Ok(PostalAddress24 {
            strt_nm: optional(&self.street, Max70Text::new, "StrtNm")?,
            bldg_nb: optional(&self.building_number, Max16Text::new, "BldgNb")?,
            pst_cd: optional(&self.post_code, Max16Text::new, "PstCd")?,
            twn_nm: optional(&self.town, Max35Text::new, "TwnNm")?,
            ctry: optional(&self.country, CountryCode::new, "Ctry")?,
            adr_line: lines,
            ..Default::default()
        })
    }
}

impl AccountView {
    pub(crate) fn of(account: &CashAccount38) -> Self {
        let (number, is_iban) = match &account.id {
            AccountIdentification4Choice::IBAN(iban) => (iban.as_str().to_owned(), true),
            AccountIdentification4Choice::Othr(other) => (other.id.as_str().to_owned(), false),
        };
        let alias = account.prxy.as_ref().map(|proxy| {
            let kind = match proxy.tp.as_deref() {
                Some(ProxyAccountType1Choice::Cd(code)) => code.as_str().to_owned(),
                Some(ProxyAccountType1Choice::Prtry(own)) => own.as_str().to_owned(),
                None => String::new(),
            };
            (kind, proxy.id.as_str().to_owned())
        });
        Self { number, is_iban, currency: text(&account.ccy), alias }
    }

    pub(super) fn build(&self) -> Result<CashAccount38, ViewError> {
        let alias = self.alias.as_ref().map(|(kind, id)| proxy(kind, id)).transpose()?;
        Ok(CashAccount38 {
            id: account_id(&self.number, self.is_iban)?,
            tp: None,
            ccy: optional(&self.currency, ActiveOrHistoricCurrencyCode::new, "Ccy")?,
            nm: None,
            prxy: alias.map(Box::new),
        })
    }
}

fn proxy(kind: &str, id: &str) -> Result<ProxyAccountIdentification1, ViewError> {
    let code = ExternalProxyAccountType1Code::new(kind).named("Prxy/Tp/Cd")?;
    Ok(ProxyAccountIdentification1 {
        tp: Some(Box::new(ProxyAccountType1Choice::Cd(code))),
        id: Max2048Text::new(id).named("Prxy/Id")?,
    })
}

pub(super) fn account_id(number: &str, is_iban: bool) -> Result<AccountIdentification4Choice, ViewError> {
    if is_iban {
        return Ok(AccountIdentification4Choice::IBAN(IBAN2007Identifier::new(number).named("IBAN")?));
    }
    let other = GenericAccountIdentification1 { id: Max34Text::new(number).named("Acct/Id")?, schme_nm: None, issr: None };
    Ok(AccountIdentification4Choice::Othr(Box::new(other)))
}

/// An optional text as its type.
pub(super) fn optional<T>(
    value: &Option<String>,
    make: fn(String) -> Result<T, crate::value::Broken>,
    field: &'static str,
) -> Result<Option<T>, ViewError> {
    value.as_ref().map(|value| make(value.clone()).named(field)).transpose()
}

/// Sixteen bytes as `8a562c67-ca16-48ba-b074-65581be6f001`.
pub(super) fn uuid_text(bytes: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).expect("four bits"));
        }
    }
    text
}

/// The sixteen bytes of such text, capitals allowed.
pub(super) fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let source = text.as_bytes();
    if source.len() != 36 || [8, 13, 18, 23].iter().any(|at| source[*at] != b'-') {
        return None;
    }
    let mut digits = source.iter().filter(|byte| **byte != b'-').map(|byte| (*byte as char).to_digit(16));
    let mut bytes = [0u8; 16];
    for byte in &mut bytes {
        *byte = (digits.next()?? << 4 | digits.next()??) as u8;
    }
    digits.next().is_none().then_some(bytes)
}
