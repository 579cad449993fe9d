//! Every business rule: one change to a message that breaks none, and the finding it must bring, with its ISO reason.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

mod support;

use iso20022::rules::{BusinessRule, Finding, RuleSettings, check};
use iso20022::view::{AccountReference, HeaderView, business_message};
use iso20022::{Limits, Message, read_business_message};
use support::{NOW, credit_transfer, identification_request, status_report};

fn settings() -> RuleSettings {
    RuleSettings { now: Some(NOW), signer: Some("HARBHKHHXXX".into()), ..RuleSettings::default() }
}

/// A payment that breaks no rule.
fn payment() -> String {
    let mut view = credit_transfer();
    view.creditor.name = "Li Wei".into();
    view.creditor.address.clone_from(&view.debtor.address);
    view.debtor.name = "Chan Siu Ming".into();
    view.remittance = Some("Rent November".into());
    let header = HeaderView::new("HARBHKHHXXX", "LUOHHKHHXXX", &view.message_id, view.created_at);
    business_message(&header, &view.message().unwrap()).unwrap()
}

fn with_header(from: &str, id: &str, document: &Message) -> String {
    business_message(&HeaderView::new(from, "LUOHHKHHXXX", id, NOW), document).unwrap()
}

fn findings(xml: &str, settings: &RuleSettings) -> Vec<(&'static str, &'static str)> {
    let message =
        read_business_message(xml.as_bytes(), Limits::default()).unwrap_or_else(|fault| panic!("schema: {fault}\n{xml}"));
    check(xml.as_bytes(), &message, settings).iter().map(|finding| (finding.rule.id(), finding.iso_reason.as_str())).collect()
}

fn expect(rule: &'static str, reason: &'static str, xml: &str, settings: &RuleSettings) {
    let found = findings(xml, settings);
    assert!(found.contains(&(rule, reason)), "{rule} {reason} is not among {found:?}");
}

/// Changes the sound payment and expects the rule; the text changed must be there.
fn breaks(rule: &'static str, reason: &'static str, from: &str, to: &str) {
    let sound = payment();
    assert!(sound.contains(from), "{from} is not in {sound}");
    expect(rule, reason, &sound.replacen(from, to, 1), &settings());
}

#[test]
fn the_sound_payment_breaks_none() {
    assert_eq!(findings(&payment(), &settings()), []);
}

#[test]
fn br_01() {
    breaks("BR-01", "AM18", "<NbOfTxs>1<", "<NbOfTxs>2<");
    let sound = payment();
    let (from, to) = (sound.find("<CdtTrfTxInf>").unwrap(), sound.find("</CdtTrfTxInf>").unwrap() + "</CdtTrfTxInf>".len());
    let twice = sound.replacen(&sound[from..to], &sound[from..to].repeat(2), 1);
    expect("BR-01", "AM18", &twice, &settings());
}
#[test]
fn br_02() {
    let sound = payment();
    let document = &sound[sound.find("<Document").unwrap()..sound.find("</BusinessMessage>").unwrap()];
    expect("BR-02", "CH21", document, &settings());
}
#[test]
fn br_03() {
    breaks("BR-03", "FF01", "<MsgDefIdr>pacs.008.001.08<", "<MsgDefIdr>pacs.009.001.08<");
}
#[test]
fn br_04() {
    breaks("BR-04", "CH16", "<BizMsgIdr>HARB-1<", "<BizMsgIdr>HARB-9<");
}
#[test]
fn br_05() {
    breaks("BR-05", "AGNT", "<InstgAgt><FinInstnId><BICFI>HARBHKHHXXX<", "<InstgAgt><FinInstnId><BICFI>LIONHKHHXXX<");
}
#[test]
fn br_06() {
    let other = RuleSettings { signer: Some("LIONHKHHXXX".into()), ..settings() };
    expect("BR-06", "DS0G", &payment(), &other);
}
#[test]
fn br_07() {
    breaks("BR-07", "CH16", "<SttlmMtd>CLRG<", "<SttlmMtd>INDA<");
    breaks("BR-07", "CH16", "<Prtry>LUOHU<", "<Prtry>OTHER<");
}
#[test]
fn br_08() {
    breaks("BR-08", "BE19", "<ChrgBr>SLEV<", "<ChrgBr>DEBT<");
}
#[test]
fn br_09() {
    breaks("BR-09", "AM11", "<IntrBkSttlmAmt Ccy=\"HKD\">1085.07<", "<IntrBkSttlmAmt Ccy=\"ZZZ\">1085.07<");
    breaks("BR-09", "AM11", "<IntrBkSttlmAmt Ccy=\"HKD\">1085.07<", "<IntrBkSttlmAmt Ccy=\"XAU\">1085<");
}
#[test]
fn br_10() {
    breaks("BR-10", "CH20", "<IntrBkSttlmAmt Ccy=\"HKD\">1085.07<", "<IntrBkSttlmAmt Ccy=\"JPY\">1085.07<");
    breaks("BR-10", "CH20", ">1085.07<", ">1085.075<");
}
#[test]
fn br_11() {
    breaks("BR-11", "AM01", ">1085.07<", ">0<");
}
#[test]
fn br_12() {
    breaks("BR-12", "CH21", "<UETR>0b6ba28f-5e5c-4d1c-9d2e-3f6a3a1f9c01</UETR>", "");
}
#[test]
fn br_13() {
    breaks("BR-13", "RR10", "Rent November", "Miete f\u{fc}r November");
}
#[test]
fn br_14() {
    breaks("BR-14", "CH16", "<EndToEndId>E-1<", "<EndToEndId>/E-1<");
    breaks("BR-14", "CH16", "<InstrId>I-1<", "<InstrId>I//1<");
}
#[test]
fn br_15() {
    breaks("BR-15", "BE07", "<TwnNm>Hong Kong</TwnNm><Ctry>HK</Ctry>", "");
}
#[test]
fn br_16() {
    let sound = payment();
    let at = sound.rfind("<TwnNm>Hong Kong</TwnNm><Ctry>HK</Ctry>").unwrap();
    let changed = format!("{}{}", &sound[..at], &sound[at + "<TwnNm>Hong Kong</TwnNm><Ctry>HK</Ctry>".len()..]);
    expect("BR-16", "BE04", &changed, &settings());
}
#[test]
fn br_17() {
    breaks("BR-17", "BE09", "<Ctry>HK<", "<Ctry>XX<");
}
#[test]
fn br_18() {
    breaks("BR-18", "RC05", "<CdtrAgt><FinInstnId><BICFI>WUTGCNBSXXX<", "<CdtrAgt><FinInstnId><BICFI>WUTGXXBSXXX<");
}
#[test]
fn br_19() {
    let lei = "<DbtrAgt><FinInstnId><BICFI>HARBHKHHXXX</BICFI><LEI>529900T8BM49AURSDO54</LEI></FinInstnId></DbtrAgt>";
    breaks("BR-19", "BE15", "<DbtrAgt><FinInstnId><BICFI>HARBHKHHXXX</BICFI></FinInstnId></DbtrAgt>", lei);
}
#[test]
fn br_20() {
    breaks("BR-20", "AC01", "<IBAN>DE89370400440532013000<", "<IBAN>DE89370400440532013001<");
}
#[test]
fn br_21() {
    breaks("BR-21", "FF07", "<Purp><Cd>RENT<", "<Purp><Cd>QQQQ<");
}
#[test]
fn br_22() {
    breaks("BR-22", "DT01", "<IntrBkSttlmDt>2026-11-24<", "<IntrBkSttlmDt>2026-12-24<");
    breaks("BR-22", "DT01", "<IntrBkSttlmDt>2026-11-24</IntrBkSttlmDt>", "");
}
#[test]
fn br_23() {
    breaks("BR-23", "TM01", "<AccptncDtTm>2026-11-24T09:00:00.000Z<", "<AccptncDtTm>2026-11-24T08:00:00.000Z<");
    breaks("BR-23", "TM01", "<AccptncDtTm>2026-11-24T09:00:00.000Z<", "<AccptncDtTm>2026-11-24T10:00:00.000Z<");
    breaks("BR-23", "TM01", "<AccptncDtTm>2026-11-24T09:00:00.000Z</AccptncDtTm>", "");
}
#[test]
fn br_24() {
    let until = "<SttlmTmReq><RjctTm>09:00:10Z</RjctTm></SttlmTmReq><AccptncDtTm>";
    let limited = payment().replacen("<AccptncDtTm>", until, 1);
    assert_eq!(findings(&limited, &settings()), []);
    expect("BR-24", "AB03", &limited, &RuleSettings { now: Some(NOW + 20_000_000_000), ..settings() });
}
#[test]
fn br_25() {
    let sound = payment();
    let (from, to) =
        (sound.find("<InstrForNxtAgt>").unwrap(), sound.find("</InstrForNxtAgt>").unwrap() + "</InstrForNxtAgt>".len());
    let without = sound.replacen(&sound[from..to], "", 1).replacen("<XchgRate>0.9216</XchgRate>", "", 1);
    expect("BR-25", "AM09", &without, &settings());
}
#[test]
fn br_26() {
    breaks("BR-26", "BE21", "<Nm>Li Wei</Nm>", "");
}
#[test]
fn br_27() {
    breaks("BR-27", "AC01", "<DbtrAcct><Id><Othr><Id>012345678901</Id></Othr></Id><Ccy>HKD</Ccy></DbtrAcct>", "");
}
#[test]
fn br_28() {
    breaks("BR-28", "RC02", "<CdtrAgt><FinInstnId><BICFI>WUTGCNBSXXX</BICFI>", "<CdtrAgt><FinInstnId><Nm>Wutong Bank</Nm>");
}
#[test]
fn br_29() {
    let sound = with_header("WUTGCNBSXXX", "WUTG-2", &status_report().message().unwrap());
    let answering = RuleSettings { signer: Some("WUTGCNBSXXX".into()), ..settings() };
    assert_eq!(findings(&sound, &answering), []);
    expect("BR-29", "CH16", &sound.replacen("<Cd>AC04<", "<Cd>QQQQ<", 1), &answering);
    expect("BR-29", "CH16", &sound.replacen("<TxSts>RJCT<", "<TxSts>QQQQ<", 1), &answering);
}
#[test]
fn br_30() {
    let member = "<DbtrAgt><FinInstnId><BICFI>HARBHKHHXXX</BICFI><ClrSysMmbId><ClrSysId><Cd>QQQQQ</Cd></ClrSysId><MmbId>1</MmbId></ClrSysMmbId></FinInstnId>";
    breaks("BR-30", "RC08", "<DbtrAgt><FinInstnId><BICFI>HARBHKHHXXX</BICFI></FinInstnId>", member);
}
#[test]
fn br_31() {
    let sound =
        with_header("HARBHKHHXXX", "HARB-4", &identification_request(AccountReference::Number("1".into())).message().unwrap());
    assert_eq!(findings(&sound, &settings()), []);
    let (from, to) = (sound.find("<Vrfctn>").unwrap(), sound.find("</Vrfctn>").unwrap() + "</Vrfctn>".len());
    let twice = sound.replacen(&sound[from..to], &sound[from..to].repeat(2), 1);
    expect("BR-31", "CH21", &twice, &settings());
}

/// Codes that the schema allows and the set of this edition does not have: read, and refused by element and code.
#[test]
fn unknown_codes_are_refused_by_element_and_code() {
    const MEMBER: &str = "<DbtrAgt><FinInstnId><BICFI>HARBHKHHXXX</BICFI>";
    const TX: &str = "/Document/FIToFICstmrCdtTrf/CdtTrfTxInf[1]";
    let member = format!("{MEMBER}<ClrSysMmbId><ClrSysId><Cd>Q</Cd></ClrSysId><MmbId>1</MmbId></ClrSysMmbId>");
    let system = "/Document/FIToFICstmrCdtTrf/GrpHdr/SttlmInf/ClrSys/Cd";
    let of_payment = |from: &str, to: &str| payment().replacen(from, to, 1);
    let report = with_header("WUTGCNBSXXX", "WUTG-2", &status_report().message().unwrap());
    let table = [
        (of_payment("<Cd>RENT<", "<Cd>QQQQ<"), "BR-21", format!("{TX}/Purp/Cd"), "`QQQQ` is not in ExternalPurpose1Code"),
        // Codes are written as they are: small letters are another code.
        (of_payment("<Cd>RENT<", "<Cd>rent<"), "BR-21", format!("{TX}/Purp/Cd"), "`rent` is not in ExternalPurpose1Code"),
        (
            of_payment("<CtgyPurp><Cd>CASH<", "<CtgyPurp><Cd>QQ<"),
            "BR-21",
            format!("{TX}/PmtTpInf/CtgyPurp/Cd"),
            "`QQ` is not in ExternalCategoryPurpose1Code",
        ),
        (
            of_payment("<Prtry>LUOHU</Prtry>", "<Cd>QQQ</Cd>"),
            "BR-30",
            system.to_owned(),
            "`QQQ` is not in ExternalCashClearingSystem1Code",
        ),
        (
            of_payment(MEMBER, &member),
            "BR-30",
            format!("{TX}/DbtrAgt/FinInstnId/ClrSysMmbId/ClrSysId/Cd"),
            "`Q` is not in ExternalClearingSystemIdentification1Code",
        ),
        (
            report.replacen("<Cd>AC04<", "<Cd>AC99<", 1),
            "BR-29",
            "/Document/FIToFIPmtStsRpt/TxInfAndSts[1]/StsRsnInf[1]/Rsn/Cd".to_owned(),
            "the reason `AC99` is not in ExternalStatusReason1Code",
        ),
        (
            report.replacen("<TxSts>RJCT<", "<TxSts>QQQQ<", 1),
            "BR-29",
            "/Document/FIToFIPmtStsRpt/TxInfAndSts[1]/TxSts".to_owned(),
            "the status `QQQQ` is not used here",
        ),
    ];
    for (xml, rule, path, text) in table {
        let message = read_business_message(xml.as_bytes(), Limits::default()).unwrap_or_else(|fault| panic!("{fault}\n{xml}"));
        let found = check(xml.as_bytes(), &message, &settings());
        let is_it = |finding: &&Finding| finding.rule.id() == rule && finding.path == path;
        assert_eq!(found.iter().find(is_it).map(|finding| finding.text.as_str()), Some(text), "{found:?}");
    }
}

/// A rule without its test is found here: the names of the tests are the page's last column.
#[test]
fn every_rule_has_its_test() {
    let source = include_str!("rules.rs");
    for rule in BusinessRule::ALL {
        let name = format!("fn {}()", rule.id().to_lowercase().replace('-', "_"));
        assert!(source.contains(&name), "{} has no test", rule.id());
    }
}
