//! Files of many payments in the books: what was received, line by line, and how far it has been paid.
//!
//! Crash notes: lines are written while a file arrives, without a sync; only [`Books::accept_file`] makes them durable, with the
//! file's state, in one transaction. A file that was still arriving at a crash is received anew under another number. Paying goes
//! by a cursor that moves in the same transaction as the payments it is past: a line is paid once.

use crate::books::outgoing::uetr_end;
use crate::books::posting::reserve;
use crate::books::records::Outgoing;
use crate::books::state::{OutgoingEffect, OutgoingEvent};
use crate::books::tables::{BULK_FILES, BULK_IDS, BULK_LINES, META, OUTGOING, OUTGOING_OF, OUTGOING_OPEN, Readable};
use crate::books::{Books, BooksError, BooksRefusal, Keep, OPEN_PAYMENTS_MAX};
use iso20022::codes::StatusReason;
use serde::{Deserialize, Serialize};

/// How a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// It is arriving.
    Receiving,
    /// Its totals are right: its lines are being paid.
    Accepted,
    /// It was refused whole; nothing was paid.
    Refused,
    /// Every line was given to the centre or rejected.
    Done,
}

/// A file of payments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkFile {
    /// This bank's number of it.
    pub number: u64,
    /// The customer.
    pub sign_in: String,
    /// The customer's identification of it (`GrpHdr/MsgId`).
    pub file_id: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// How it stands.
    pub state: FileState,
    /// Lines received.
    pub lines: u64,
    /// Lines that were rejected singly.
    pub rejected: u64,
    /// Control sum of what was received, in units of 10⁻⁵ of whatever currency.
    pub control_sum: i128,
    /// Lines before this one, from 1, are done with.
    pub next_line: u64,
    /// Why it was refused: line (0 for the whole file), field, words.
    pub refused: Option<(u64, String, String)>,
    /// When it came, in milliseconds since 1970 UTC.
    pub received_ms: u64,
    /// When its last line was done with.
    pub done_ms: Option<u64>,
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct BulkLine {
    /// The customer's identification for one hop.
    pub instruction_id: Option<String>,
    /// The customer's identification for the creditor.
    pub end_to_end_id: Option<String>,
    /// What is to be paid, as it was read.
    pub order: Option<LineOrder>,
    /// Why the line is rejected: ISO reason, field, words.
    pub rejected: Option<(String, String, String)>,
    /// The payment it became.
    pub uetr: Option<String>,
}

/// What a line orders, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct LineOrder {
    /// `number/currency` of the account to debit.
    pub from: String,
    /// BIC of the payee's bank.
    pub agent: String,
    /// The payee's account.
    pub payee: String,
    /// The payee's name.
    pub name: String,
    /// Amount in the currency that arrives.
    pub amount: String,
    /// Currency that arrives.
    pub currency: String,
    /// Purpose code.
    pub purpose: String,
    /// Words to the payee.
    pub note: String,
}

/// What becomes of a line when it is its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// It is paid by this payment, with this message.
    Pay(Box<Outgoing>, String),
    /// It is rejected: ISO reason, field, words.
    Reject(String, String, String),
    /// It was rejected when it was read.
    Skip,
}

impl Books {
    /// Begins a file.
    pub fn begin_file(&self, sign_in: &str, received_ms: u64) -> Result<BulkFile, BooksError> {
        self.change(Keep::Eventually, |writer| {
            let number = writer.next("bulk_files")?;
            let file = BulkFile {
                number,
                sign_in: sign_in.to_owned(),
                file_id: String::new(),
                sha256: String::new(),
                state: FileState::Receiving,
                lines: 0,
                rejected: 0,
                control_sum: 0,
                next_line: 1,
                refused: None,
                received_ms,
                done_ms: None,
            };
            writer.put(BULK_FILES, number, &file)?;
            Ok(file)
        })
    }

    /// Keeps lines of a file that is arriving, numbered from `first`.
    pub fn add_lines(&self, number: u64, first: u64, lines: &[BulkLine]) -> Result<(), BooksError> {
        self.change(Keep::Eventually, |writer| {
            writer.put_all(BULK_LINES, (first..).zip(lines).map(|(at, line)| ((number, at), line)))
        })
    }

    /// Takes a file that has arrived and whose totals are right, durably with all its lines. The same file again gives the first
    /// one; another under the same identification is `None`.
    pub fn accept_file(&self, file: &BulkFile) -> Result<Option<BulkFile>, BooksError> {
        self.change(Keep::Durably, |writer| {
            let key = (file.sign_in.as_str(), file.file_id.as_str());
            let known = match writer.get(BULK_IDS, key, Ok)? {
                Some(number) => writer.record::<_, BulkFile>(BULK_FILES, number)?,
                None => None,
            };
            if let Some(known) = known {
                writer.remove(BULK_FILES, file.number)?;
                return Ok((known.sha256 == file.sha256).then_some(known));
            }
            let accepted = BulkFile { state: FileState::Accepted, ..file.clone() };
            writer.put(BULK_FILES, file.number, &accepted)?;
            writer.set_bulk_id(key, file.number)?;
            Ok(Some(accepted))
        })
    }

    /// Refuses a file whole. Its identification stays free.
    pub fn refuse_file(&self, file: &BulkFile) -> Result<BulkFile, BooksError> {
        self.change(Keep::Durably, |writer| {
            let refused = BulkFile { state: FileState::Refused, ..file.clone() };
            writer.put(BULK_FILES, file.number, &refused)?;
            Ok(refused)
        })
    }

    /// Forgets the lines of a file that came twice or not whole.
    pub fn drop_lines(&self, number: u64) -> Result<(), BooksError> {
        self.change(Keep::Eventually, |writer| {
            let mut last = 0;
            writer.each(BULK_LINES, (number, 0)..=(number, u64::MAX), true, |(_, at), _| {
                last = at;
                Ok(false)
            })?;
            (1..=last).try_for_each(|at| writer.remove(BULK_LINES, (number, at)))
        })
    }

    /// A file.
    pub fn bulk_file(&self, number: u64) -> Result<Option<BulkFile>, BooksError> {
        self.read()?.record(BULK_FILES, number)
    }

    /// A customer's files, newest first.
    pub fn bulk_files_of(&self, sign_in: &str, limit: usize) -> Result<Vec<BulkFile>, BooksError> {
        self.bulk_files(limit, |file| file.sign_in == sign_in)
    }

    /// The oldest file that is to be paid; files that were arriving when the bank stopped are forgotten on the way.
    pub fn next_bulk_file(&self) -> Result<Option<BulkFile>, BooksError> {
        Ok(self.bulk_files(usize::MAX, |file| file.state == FileState::Accepted)?.pop())
    }

    fn bulk_files(&self, limit: usize, wanted: impl Fn(&BulkFile) -> bool) -> Result<Vec<BulkFile>, BooksError> {
        let mut files = Vec::new();
        self.read()?.each(BULK_FILES, 0.., true, |_, bytes| {
            let file: BulkFile = serde_json::from_slice(bytes)?;
            if wanted(&file) {
                files.push(file);
            }
            Ok(files.len() < limit)
        })?;
        Ok(files)
    }

    /// Lines of a file from one on, each with the payment it became.
    pub fn bulk_lines(
        &self,
        number: u64,
        first: u64,
        limit: usize,
    ) -> Result<Vec<(u64, BulkLine, Option<Outgoing>)>, BooksError> {
        let reader = self.read()?;
        let mut lines: Vec<(u64, BulkLine)> = Vec::new();
        reader.each(BULK_LINES, (number, first)..=(number, u64::MAX), false, |(_, at), bytes| {
            lines.push((at, serde_json::from_slice(bytes)?));
            Ok(lines.len() < limit)
        })?;
        let joined = lines.into_iter().map(|(at, line)| {
            let payment = line.uetr.as_deref().map(|uetr| reader.record(OUTGOING, uetr)).transpose()?.flatten();
            Ok((at, line, payment))
        });
        joined.collect()
    }

    /// Gives lines their turn, from the file's cursor on: money is reserved, messages are stored and the cursor moves, in one
    /// durable transaction. A line whose account has not enough is rejected by itself. The answer is the payments to be sent.
    pub fn turn_lines(&self, number: u64, turns: &[Turn], at_ms: u64) -> Result<Vec<String>, BooksError> {
        self.change(Keep::Durably, |writer| {
            let Some(mut file) = writer.record::<_, BulkFile>(BULK_FILES, number)? else { return Ok(Vec::new()) };
            let mut open = writer.number(META, "open")?.unwrap_or(0);
            let mut sent = Vec::new();
            for turn in turns {
                let key = (number, file.next_line);
                let Some(mut line) = writer.record::<_, BulkLine>(BULK_LINES, key)? else { break };
                match turn {
                    Turn::Skip => {}
                    Turn::Reject(reason, field, words) => {
                        line.rejected = Some((reason.clone(), field.clone(), words.clone()));
                        file.rejected += 1;
                        writer.put(BULK_LINES, key, &line)?;
                    }
                    Turn::Pay(payment, message) => {
                        if open >= OPEN_PAYMENTS_MAX {
                            break;
                        }
                        match reserve(writer, &payment.account, payment.debit) {
                            Ok(()) => {
                                place(writer, payment, message, at_ms)?;
                                open += 1;
                                line.uetr = Some(payment.uetr.clone());
                                sent.push(payment.uetr.clone());
                            }
                            Err(BooksError::Refused(refusal)) => {
                                line.rejected = Some((iso_reason(refusal).to_string(), "amount".to_owned(), refusal.to_string()));
                                file.rejected += 1;
                            }
                            Err(error) => return Err(error),
                        }
                        writer.put(BULK_LINES, key, &line)?;
                    }
                }
                file.next_line += 1;
            }
            writer.set_number(META, "open", open)?;
            if file.next_line > file.lines {
                file.state = FileState::Done;
                file.done_ms = Some(at_ms);
            }
            writer.put(BULK_FILES, number, &file)?;
            Ok(sent)
        })
    }

    /// Payments out that are under way.
    pub fn open_payments(&self) -> Result<u64, BooksError> {
        Ok(self.read()?.number(META, "open")?.unwrap_or(0))
    }
}

/// Stores a payment that is reserved in the same transaction.
fn place(writer: &crate::books::tables::Writer, payment: &Outgoing, message: &str, at_ms: u64) -> Result<(), BooksError> {
    debug_assert!(payment.uetr.as_str() < uetr_end());
    let mut payment = payment.clone();
    let (state, effect) = payment.state.step(OutgoingEvent::Confirmed).expect("confirming is allowed in every state");
    assert_eq!(effect, OutgoingEffect::Reserve, "a line's payment is new");
    payment.state = state;
    payment.message = Some(message.to_owned());
    payment.times.confirmed_ms = Some(at_ms);
    let uetr = payment.uetr.as_str();
    writer.set_number(OUTGOING_OPEN, uetr, at_ms)?;
    writer.put(OUTGOING_OF, (payment.sign_in.as_str(), at_ms, uetr), &())?;
    writer.put(OUTGOING, uetr, &payment)
}

/// The ISO reason of what the books refuse.
const fn iso_reason(refusal: BooksRefusal) -> StatusReason {
    match refusal {
        BooksRefusal::NoSuchAccount => StatusReason::Ac02,
        BooksRefusal::AccountClosed => StatusReason::Ac05,
        BooksRefusal::NoSuchCurrency => StatusReason::Am03,
        BooksRefusal::NotEnough => StatusReason::Am04,
        BooksRefusal::TooLarge => StatusReason::Am12,
        // A line of a file is no standing order.
        BooksRefusal::NoSuchPayment
        | BooksRefusal::Full
        | BooksRefusal::NoSuchStandingOrder
        | BooksRefusal::StandingOrdersFull
        | BooksRefusal::FirstDatePast => StatusReason::Ms03,
    }
}
