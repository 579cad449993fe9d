//! Every message: a sample of our own that is valid, one change that makes it invalid, and what is written reads back equal.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

mod support;

use iso20022::{Limits, Message, MessageType, read_message};
use std::collections::{BTreeMap, BTreeSet};
use support::{Random, data, mutate};

/// `acmt.023.001.02` has its sample in `acmt.023.xml`.
fn sample(id: &str) -> String {
    let family: Vec<&str> = id.split('.').take(2).collect();
    let path = data().join(format!("{}.xml", family.join(".")));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read(text: &str) -> Message {
    read_message(text.as_bytes(), Limits::DEFAULT).unwrap_or_else(|violation| panic!("{violation}"))
}

#[test]
fn every_message_has_a_valid_sample() {
    for kind in MessageType::ALL {
        assert_eq!(read(&sample(kind.id())).message_type(), *kind);
        assert_eq!(MessageType::from_id(kind.id()), Some(*kind));
        assert_eq!(MessageType::from_namespace(kind.namespace()), Some(*kind));
    }
    assert_eq!(MessageType::ALL.len(), 36);
    assert_eq!(MessageType::from_id("pacs.008.001.99"), None);
}

/// Message, text replaced once in its sample, what stands there instead, the rule it breaks and where.
const WRONG: &[(&str, &str, &str, &str, &str)] = &[
    ("acmt.023.001.02", "<Id>V1</Id>", "", "XSD-ORDER", "/Document/IdVrfctnReq/Vrfctn[1]/PtyAndAcctId"),
    ("acmt.024.001.02", "<Vrfctn>0<", "<Vrfctn>no<", "XSD-BOOLEAN", "/Document/IdVrfctnRpt/Rpt[1]/Vrfctn"),
    ("admi.002.001.01", "RltdRef>", "Rltd>", "XSD-UNKNOWN", "/Document/admi.002.001.01/Rltd"),
    ("admi.004.001.02", "<EvtCd>7<", "<EvtCd>70000<", "XSD-PATTERN", "/Document/SysEvtNtfctn/EvtInf/EvtCd"),
    ("admi.006.001.01", "<FrSeq>FrSeq-1</FrSeq>", "", "XSD-MISSING", "/Document/RsndReq/RsndSchCrit[1]/SeqRg"),
    ("admi.007.001.01", "<StsCd>7</StsCd>", "", "XSD-MISSING", "/Document/RctAck/Rpt[1]/ReqHdlg"),
    ("admi.011.001.01", "11-25T", "11-31T", "XSD-DATE", "/Document/SysEvtAck/AckDtls/EvtTm"),
    ("camt.003.001.07", "MODF", "modf", "XSD-ENUM", "/Document/GetAcct/AcctQryDef/QryTp"),
    ("camt.004.001.08", "<RtrAcct>", "<RtrAcct Ver=\"8\">", "XSD-ATTR-UNKNOWN", "/Document/RtrAcct"),
    ("camt.005.001.08", "<QryNm>", "<QryNm/><QryNm>", "XSD-LENGTH", "/Document/GetTx/TxQryDef/TxCrit/QryNm"),
    ("camt.006.001.08", "<PgNb>7<", "<PgNb>seven<", "XSD-PATTERN", "/Document/RtrTx/MsgHdr/MsgPgntn/PgNb"),
    ("camt.025.001.05", "<MsgHdr>", "and<MsgHdr>", "XSD-TEXT", "/Document/Rct"),
    (
        "camt.029.001.09",
        "HARBHKHHXXX",
        "HARBHKHHXXXX",
        "XSD-PATTERN",
        "/Document/RsltnOfInvstgtn/Assgnmt/Assgnr/Pty/Id/OrgId/AnyBIC",
    ),
    ("camt.050.001.05", "<UETR>0b6ba28f", "<UETR>0B6BA28F", "XSD-PATTERN", "/Document/LqdtyCdtTrf/LqdtyCdtTrf/LqdtyTrfId/UETR"),
    ("camt.052.001.08", " Ccy=\"", " ccy=\"", "XSD-ATTR-UNKNOWN", "/Document/BkToCstmrAcctRpt/Rpt[1]/Bal[1]/Amt"),
    (
        "camt.053.001.08",
        "<CdtDbtInd>",
        "<CdtDbtInd>X",
        "XSD-ENUM",
        "/Document/BkToCstmrStmt/Stmt[1]/Intrst[1]/Rate[1]/VldtyRg/CdtDbtInd",
    ),
    ("camt.054.001.08", "</GrpHdr>", "</GrpHdr><Stmt/>", "XSD-UNKNOWN", "/Document/BkToCstmrDbtCdtNtfctn/Stmt"),
    (
        "camt.055.001.08",
        "<Id>12345678<",
        "<Id>123456789012345678901234567890123456<",
        "XSD-LENGTH",
        "/Document/CstmrPmtCxlReq/Assgnmt/Id",
    ),
    ("camt.056.001.08", "<Assgne>", "<Assgnr/><Assgne>", "XSD-REPEATED", "/Document/FIToFIPmtCxlReq/Assgnmt/Assgnr"),
    ("camt.060.001.05", "</GrpHdr>", "</GrpHdr><GrpHdr/>", "XSD-REPEATED", "/Document/AcctRptgReq/GrpHdr"),
    ("head.001.001.02", "<PssblDplct>1<", "<PssblDplct>2<", "XSD-BOOLEAN", "/AppHdr/PssblDplct"),
    ("pacs.002.001.10", "<TxSts>RJCT<", "<TxSts>RJCTD<", "XSD-LENGTH", "/Document/FIToFIPmtStsRpt/TxInfAndSts[1]/TxSts"),
    (
        "pacs.003.001.08",
        "<SttlmMtd>INGA<",
        "<SttlmMtd>INGO<",
        "XSD-ENUM",
        "/Document/FIToFICstmrDrctDbt/GrpHdr/SttlmInf/SttlmMtd",
    ),
    ("pacs.004.001.09", "\">1250.00<", "\">-1250.00<", "XSD-RANGE", "/Document/PmtRtr/GrpHdr/TtlRtrdIntrBkSttlmAmt"),
    ("pacs.008.001.08", "<ChrgBr>SLEV<", "<ChrgBr>OURS<", "XSD-ENUM", "/Document/FIToFICstmrCdtTrf/CdtTrfTxInf[1]/ChrgBr"),
    ("pacs.009.001.08", "\">1250.00<", "\">1,250.00<", "XSD-DECIMAL", "/Document/FICdtTrf/GrpHdr/TtlIntrBkSttlmAmt"),
    ("pacs.010.001.03", "<NbOfTxs>1<", "<NbOfTxs>1234567890123456<", "XSD-PATTERN", "/Document/FIDrctDbt/GrpHdr/NbOfTxs"),
    ("pacs.028.001.03", "<CreDtTm>2026-11-24T09:00:05Z</CreDtTm>", "", "XSD-MISSING", "/Document/FIToFIPmtStsReq/GrpHdr"),
    ("pain.001.001.09", "<CtrlSum>1250<", "<CtrlSum>1250e0<", "XSD-DECIMAL", "/Document/CstmrCdtTrfInitn/GrpHdr/CtrlSum"),
    ("pain.002.001.10", "T09:30:00", "T24:30:00", "XSD-DATE", "/Document/CstmrPmtStsRpt/GrpHdr/CreDtTm"),
    (
        "pain.009.001.06",
        "<Cd>AUTH</Cd>",
        "<Cd>AUTH</Cd><Prtry>x</Prtry>",
        "XSD-CHOICE",
        "/Document/MndtInitnReq/GrpHdr/Authstn[1]/Prtry",
    ),
    ("pain.010.001.06", "<MsgId>", "<MsgId xmlns=\"urn:other\">", "XSD-NAMESPACE", "/Document/MndtAmdmntReq/GrpHdr/MsgId"),
    ("pain.011.001.06", "<Cd>AUTH</Cd>", "", "XSD-MISSING", "/Document/MndtCxlReq/GrpHdr/Authstn[1]"),
    (
        "pain.012.001.06",
        "<Nm>Wai Kee Trading Ltd<",
        "<Nm><B>Wai Kee</B><",
        "XSD-CHILD",
        "/Document/MndtAccptncRpt/GrpHdr/InitgPty/Nm",
    ),
    ("pain.013.001.07", "<GrpHdr>", "<PmtInf/><GrpHdr>", "XSD-ORDER", "/Document/CdtrPmtActvtnReq/PmtInf"),
    ("pain.014.001.07", "pain.014.001.07\">", "pain.014.001.70\">", "XSD-ROOT", "/Document"),
];

#[test]
fn every_message_has_an_invalid_sample() {
    let mut covered = BTreeSet::new();
    let mut differences = Vec::new();
    for (id, from, to, rule, path) in WRONG {
        let valid = sample(id);
        assert!(valid.contains(from), "{id} has no {from}");
        let violation = read_message(valid.replacen(from, to, 1).as_bytes(), Limits::DEFAULT).unwrap_err();
        if (violation.rule.code(), violation.path.as_str()) != (*rule, *path) {
            differences.push(format!("{id}: {violation}"));
        }
        covered.insert(*id);
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    let all: BTreeSet<&str> = MessageType::ALL.iter().map(|kind| kind.id()).collect();
    assert_eq!(covered, all);
}

/// Samples, and whatever of thousands of random changes to them is still valid.
#[test]
fn what_is_written_reads_back_equal() {
    let rounds: usize = std::env::var("MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let mut random = Random(std::env::var("SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(2026));
    let mut read_back: BTreeMap<MessageType, usize> = BTreeMap::new();
    for kind in MessageType::ALL {
        let source = sample(kind.id());
        let changed: Vec<String> = (0..rounds).map(|_| mutate(&source, &mut random)).collect();
        for text in std::iter::once(&source).chain(&changed) {
            let Ok(message) = read_message(text.as_bytes(), Limits::DEFAULT) else { continue };
            let written = message.to_xml();
            assert_eq!(read(&written), message, "{text}");
            assert_eq!(read(&written).to_xml(), written, "{text}");
            *read_back.entry(*kind).or_default() += 1;
        }
    }
    for kind in MessageType::ALL {
        let count = read_back.get(kind).copied().unwrap_or_default();
        assert!(count * 50 > rounds, "{}: only {count} of {rounds} changes left it valid", kind.id());
    }
}
