//! Which parts of a message are about a person: found by where they stand, in any message, known or not.
//!
//! Names, addresses, contacts, births and documents of parties; accounts and their aliases; and every text in which people
//! write what they like. Agents are institutions: their names and codes are not personal, and are told apart to say at which
//! bank an account is. Identifiers that software makes (UETR, message and end-to-end identifications), amounts, dates, purposes
//! and reasons are not personal by themselves.
//!
//! The message is read as XML alone. What an older or stricter schema would refuse was taken in once, and its person is found
//! all the same.
//!
//! # Start reading at
//! [`named`]; the table is [`data_at`].

use crate::violation::{Stop, Violation};
use crate::xml::{Limits, Reader};

/// What a part of a message says of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PersonalData {
    /// A party's or an account holder's name.
    Name,
    /// An address, or the country somebody lives in.
    Address,
    /// Telephone, e-mail and the like.
    Contact,
    /// Date or place of birth.
    Birth,
    /// The number of an identity document, or what else identifies a party.
    Document,
    /// An account's number.
    Account,
    /// What an account is also known by, such as a mobile number.
    Alias,
    /// Words people wrote: remittance information, notes, instructions.
    Words,
}

impl PersonalData {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Name, Self::Address, Self::Contact, Self::Birth, Self::Document, Self::Account, Self::Alias, Self::Words];

    /// The word for it in what is exported.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Address => "address",
            Self::Contact => "contact",
            Self::Birth => "birth",
            Self::Document => "document",
            Self::Account => "account",
            Self::Alias => "alias",
            Self::Words => "words",
        }
    }
}

/// Whose part it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The debtor's, or the ultimate debtor's.
    Debtor,
    /// The creditor's, or the ultimate creditor's.
    Creditor,
    /// Somebody else's, or it does not say.
    Other,
}

/// A part of a message that is about a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedField {
    /// Local names from the message's root element down, with `/` between them.
    pub path: String,
    /// What it says.
    pub data: PersonalData,
    /// Of whom.
    pub side: Side,
    /// Its text.
    pub text: String,
}

/// Everything a message says of persons.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Named {
    /// In the order of the message.
    pub fields: Vec<NamedField>,
    /// BICs of the agents at either side.
    pub agents: Vec<(Side, String)>,
    /// Documents of natural persons, whole.
    pub documents: Vec<NamedDocument>,
}

/// An identity document (`PrvtId/Othr`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedDocument {
    /// Whose.
    pub side: Side,
    /// `SchmeNm`: `NIDN`, `CCPT` …; empty if it does not say.
    pub scheme: String,
    /// `Issr`; empty if it does not say.
    pub issuer: String,
    /// The number.
    pub number: String,
}

/// What a message says of persons; `source` is a document, or an envelope with header and document.
///
/// # Errors
/// If it is not well-formed XML within the limits.
pub fn named(source: &[u8], limits: Limits) -> Result<Named, Violation> {
    let mut found = Named::default();
    read(source, limits, &mut found).map_err(|stop| stop.locate(source))?;
    Ok(found)
}

fn read(source: &[u8], limits: Limits, found: &mut Named) -> Result<(), Box<Stop>> {
    let mut reader = Reader::new(source, limits)?;
    let mut path = vec![reader.head_local()];
    loop {
        if reader.head_is_empty() {
            // It has no text; walking in ends it.
            reader.walk_in()?;
        } else {
            let (text, enters) = reader.text_on()?;
            if enters {
                path.push(reader.head_local());
                continue;
            }
            take(&path, text.trim(), found);
        }
        path.pop();
        // Over the end tags, to the next element.
        loop {
            if reader.depth() == 0 {
                return reader.finish();
            }
            if reader.walk_on()? {
                path.push(reader.head_local());
                break;
            }
            path.pop();
        }
    }
}

fn take(path: &[&str], text: &str, found: &mut Named) {
    if text.is_empty() {
        return;
    }
    if path.last() == Some(&"BICFI") {
        return found.agents.push((side_of(path), text.to_owned()));
    }
    take_document(path, text, found);
    if let Some(data) = data_at(path) {
        found.fields.push(NamedField { path: path.join("/"), data, side: side_of(path), text: text.to_owned() });
    }
}

/// A document's parts come one after the other, its number first.
fn take_document(path: &[&str], text: &str, found: &mut Named) {
    let Some(at) = path.windows(2).position(|names| names == ["PrvtId", "Othr"]) else { return };
    match &path[at + 2..] {
        ["Id"] => {
            let (scheme, issuer) = (String::new(), String::new());
            found.documents.push(NamedDocument { side: side_of(path), scheme, issuer, number: text.to_owned() });
        }
        ["SchmeNm", "Cd" | "Prtry"] => {
            found.documents.iter_mut().last().into_iter().for_each(|it| text.clone_into(&mut it.scheme))
        }
        ["Issr"] => found.documents.iter_mut().last().into_iter().for_each(|it| text.clone_into(&mut it.issuer)),
        _ => {}
    }
}

/// The innermost element that says whose it is.
fn side_of(path: &[&str]) -> Side {
    let side = |name: &&str| match *name {
        "Dbtr" | "DbtrAcct" | "DbtrAgt" | "UltmtDbtr" | "Invcee" => Some(Side::Debtor),
        "Cdtr" | "CdtrAcct" | "CdtrAgt" | "UltmtCdtr" | "Invcr" => Some(Side::Creditor),
        _ => None,
    };
    path.iter().rev().find_map(side).unwrap_or(Side::Other)
}

/// What a leaf says of a person, by where it stands.
fn data_at(path: &[&str]) -> Option<PersonalData> {
    let (leaf, above) = path.split_last()?;
    let within = |names: &[&str]| above.iter().any(|name| names.contains(name));
    if within(&["FinInstnId", "FIId", "AppHdr"]) {
        return None;
    }
    if within(&["RmtInf", "RltdRmtInf", "SplmtryData", "InstrForCdtrAgt", "InstrForNxtAgt", "InstrForDbtrAgt", "Tax"])
        || ["Ustrd", "AddtlInf", "AddtlRmtInf", "AddtlStsRsnInf", "InstrInf", "Desc"].contains(leaf)
    {
        return Some(PersonalData::Words);
    }
    // Accounts of agents are between institutions.
    let account = above.iter().rposition(|name| name.ends_with("Acct") || *name == "AcctId");
    if let Some(at) = account {
        let of_agent = above[at].ends_with("AgtAcct") || above[at].ends_with("SttlmAcct") || above[at] == "ChrgsAcct";
        let inside = &above[at + 1..];
        return match *leaf {
            _ if of_agent => None,
            "Nm" => Some(PersonalData::Name),
            "Id" if inside.contains(&"Prxy") => Some(PersonalData::Alias),
            "IBAN" => Some(PersonalData::Account),
            "Id" if inside.last() == Some(&"Othr") => Some(PersonalData::Account),
            _ => None,
        };
    }
    if within(&["PstlAdr"]) || *leaf == "CtryOfRes" {
        return Some(PersonalData::Address);
    }
    if within(&["CtctDtls"]) {
        return Some(PersonalData::Contact);
    }
    if within(&["DtAndPlcOfBirth"]) {
        return Some(PersonalData::Birth);
    }
    if within(&["PrvtId", "OrgId"]) {
        // The kind of a document and who issued it say nothing without its number.
        return (["Id", "AnyBIC", "LEI"].contains(leaf)).then_some(PersonalData::Document);
    }
    (["Nm", "TaxId", "RegnId"].contains(leaf)).then_some(if *leaf == "Nm" { PersonalData::Name } else { PersonalData::Document })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a leaf stands, and what it says.
    #[test]
    fn parts_are_told_by_where_they_stand() {
        let table = "
            CdtTrfTxInf/Dbtr/Nm                                       name
            CdtTrfTxInf/UltmtCdtr/Nm                                  name
            CdtTrfTxInf/Dbtr/PstlAdr/StrtNm                           address
            CdtTrfTxInf/Cdtr/PstlAdr/AdrLine                          address
            CdtTrfTxInf/Dbtr/CtryOfRes                                address
            CdtTrfTxInf/Dbtr/CtctDtls/MobNb                           contact
            CdtTrfTxInf/Dbtr/Id/PrvtId/DtAndPlcOfBirth/BirthDt        birth
            CdtTrfTxInf/Dbtr/Id/PrvtId/Othr/Id                        document
            CdtTrfTxInf/Dbtr/Id/PrvtId/Othr/SchmeNm/Cd                -
            CdtTrfTxInf/Dbtr/Id/PrvtId/Othr/Issr                      -
            CdtTrfTxInf/Cdtr/Id/OrgId/LEI                             document
            CdtTrfTxInf/DbtrAcct/Id/Othr/Id                           account
            CdtTrfTxInf/DbtrAcct/Id/IBAN                              account
            CdtTrfTxInf/CdtrAcct/Nm                                   name
            CdtTrfTxInf/CdtrAcct/Prxy/Id                              alias
            CdtTrfTxInf/CdtrAcct/Tp/Cd                                -
            CdtTrfTxInf/CdtrAcct/Ccy                                  -
            CdtTrfTxInf/CdtrAgtAcct/Id/Othr/Id                        -
            GrpHdr/SttlmInf/SttlmAcct/Id/Othr/Id                      -
            CdtTrfTxInf/DbtrAgt/FinInstnId/Nm                         -
            CdtTrfTxInf/DbtrAgt/FinInstnId/PstlAdr/TwnNm              -
            AppHdr/Fr/FIId/FinInstnId/BICFI                           -
            CdtTrfTxInf/RmtInf/Ustrd                                  words
            CdtTrfTxInf/RmtInf/Strd/CdtrRefInf/Ref                    words
            CdtTrfTxInf/InstrForNxtAgt/InstrInf                       words
            TxInfAndSts/StsRsnInf/AddtlInf                            words
            TxInf/RtrChain/Cdtr/Pty/Nm                                name
            TxInf/OrgnlTxRef/DbtrAcct/Id/Othr/Id                      account
            PmtInf/Dbtr/Nm                                            name
            Vrfctn/PtyAndAcctId/Acct/Othr/Id                          account
            CdtTrfTxInf/PmtId/UETR                                    -
            CdtTrfTxInf/PmtId/EndToEndId                              -
            CdtTrfTxInf/IntrBkSttlmAmt                                -
            CdtTrfTxInf/Purp/Cd                                       -
            CdtTrfTxInf/ChrgBr                                        -";
        for line in table.lines().filter(|line| !line.trim().is_empty()) {
            let (path, says) = line.trim().split_once(' ').unwrap();
            let path: Vec<&str> = path.split('/').collect();
            assert_eq!(data_at(&path).map_or("-", PersonalData::name), says.trim(), "{path:?}");
        }
    }

    #[test]
    fn a_message_is_read_whatever_it_is_wrapped_in() {
        let xml = "<?xml version=\"1.0\"?><E><x:AppHdr xmlns:x='h'><x:Fr><x:Nm>head</x:Nm></x:Fr></x:AppHdr>\
            <p:Document xmlns:p='urn:x'><p:T><p:DbtrAcct><p:Id><p:Othr><p:Id> 012-3 </p:Id></p:Othr></p:Id></p:DbtrAcct>\
            <p:DbtrAgt><p:FinInstnId><p:BICFI>HARBHKHHXXX</p:BICFI></p:FinInstnId></p:DbtrAgt><p:Empty/><p:None></p:None>\
            <!-- Nm --><p:Cdtr><p:Nm>O&#39;Neil &amp; <![CDATA[<Co>]]></p:Nm><p:CtryOfRes/></p:Cdtr></p:T></p:Document></E>";
        let found = named(xml.as_bytes(), Limits::DEFAULT).unwrap();
        let fields: Vec<_> = found.fields.iter().map(|field| (field.data, field.side, field.text.as_str())).collect();
        assert_eq!(
            fields,
            [(PersonalData::Account, Side::Debtor, "012-3"), (PersonalData::Name, Side::Creditor, "O'Neil & <Co>")]
        );
        assert_eq!(found.fields[0].path, "E/Document/T/DbtrAcct/Id/Othr/Id");
        assert_eq!(found.agents, [(Side::Debtor, "HARBHKHHXXX".to_owned())]);
    }

    #[test]
    fn documents_are_read_whole() {
        let other = |id: &str, rest: &str| format!("<Id><PrvtId><Othr><Id>{id}</Id>{rest}</Othr></PrvtId></Id>");
        let scheme = "<SchmeNm><Cd>NIDN</Cd></SchmeNm><Issr>HK</Issr>";
        let xml = format!("<T><Dbtr>{}</Dbtr><Cdtr>{}</Cdtr></T>", other("A123456(3)", scheme), other("B1", ""));
        let found = named(xml.as_bytes(), Limits::DEFAULT).unwrap().documents;
        let all: Vec<_> = found.iter().map(|it| (it.side, it.scheme.as_str(), it.issuer.as_str(), it.number.as_str())).collect();
        assert_eq!(all, [(Side::Debtor, "NIDN", "HK", "A123456(3)"), (Side::Creditor, "", "", "B1")]);
    }

    #[test]
    fn what_is_no_xml_is_refused() {
        for bad in ["", "<a>", "<a><b></a>", "text", "<a/><b/>", "<!DOCTYPE a><a/>"] {
            assert!(named(bad.as_bytes(), Limits::DEFAULT).is_err(), "{bad}");
        }
        assert_eq!(named(b"<a/>", Limits::DEFAULT), Ok(Named::default()));
        assert_eq!(named(b"<a><Nm>x</Nm></a>", Limits::DEFAULT).unwrap().fields.len(), 1);
    }
}
