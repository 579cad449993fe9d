//! A file on its way in: bytes to lines, each judged by itself, the totals at the end.

use crate::books::bulk::{BulkFile, BulkLine, FileState, LineOrder};
use crate::books::{Books, BooksError};
use crate::bulk::LINES_MAX;
use crate::bulk::csv::{CsvReader, LINE_BYTES_MAX, Row};
use crate::order::{OrderFault, TypedOrder};
use iso20022::bulk::{BatchView, InstructionView, Piece, Slicer, control_sum};
use iso20022::codes::{Purpose, StatusReason};
use money::Currency;
use tokio::sync::mpsc;

/// Lines kept with one change of the books.
const BATCH: usize = 1_000;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `pain.001.001.09`.
    Pain001,
    /// As a spreadsheet writes it.
    Csv,
}

/// Why a file is refused whole: nothing of it is paid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BulkRefusal {
    /// Something in it, at a line (0: before the first) and field.
    #[error("line {line}, {field}: {words}")]
    At {
        /// Which line, from 1.
        line: u64,
        /// Which field.
        field: String,
        /// What is wrong.
        words: String,
    },
    /// Another file had this identification.
    #[error("another file with this identification was received before")]
    OtherFile,
    /// The books.
    #[error("{0}")]
    Books(String),
}

impl BulkRefusal {
    fn at(line: u64, field: &str, words: impl ToString) -> Self {
        Self::At { line, field: field.to_owned(), words: words.to_string() }
    }
}

impl From<BooksError> for BulkRefusal {
    fn from(error: BooksError) -> Self {
        Self::Books(error.to_string())
    }
}

/// What a file is held against.
#[derive(Debug, Clone)]
pub struct Receiver {
    /// The customer.
    pub sign_in: String,
    /// The customer's accounts.
    pub accounts: Vec<String>,
    /// This bank's BIC.
    pub own_bic: String,
    /// Currencies of the scheme.
    pub currencies: Vec<Currency>,
    /// Now, in milliseconds since 1970 UTC.
    pub now_ms: u64,
}

/// Totals as a head announces them.
#[derive(Debug, Clone, Default)]
struct Totals {
    lines: Option<u64>,
    sum: Option<i128>,
}

/// A file being received.
struct Arriving<'a> {
    books: &'a Books,
    receiver: &'a Receiver,
    file: BulkFile,
    batch: Vec<BulkLine>,
    announced: Totals,
    /// Of the current batch of a `pain.001`.
    of_batch: Totals,
    batch_lines: u64,
    batch_sum: i128,
    from: Option<String>,
}

/// Receives a file on a thread that may wait for the disk: chunks come through `chunks`, a closed channel is the end, and `None`
/// in it says that the customer broke off.
///
/// # Errors
/// Why nothing of it is paid.
pub(crate) fn receive(
    books: &Books,
    receiver: &Receiver,
    format: Format,
    mut chunks: mpsc::Receiver<Option<Vec<u8>>>,
) -> Result<BulkFile, BulkRefusal> {
    let mut hash = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    let mut next = || match chunks.blocking_recv() {
        Some(Some(chunk)) => {
            hash.update(&chunk);
            Ok(Some(chunk))
        }
        Some(None) => Err(BulkRefusal::at(0, "file", "it was not sent to its end")),
        None => Ok(None),
    };
    let file = books.begin_file(&receiver.sign_in, receiver.now_ms)?;
    let mut arriving = Arriving {
        books,
        receiver,
        file,
        batch: Vec::with_capacity(BATCH),
        announced: Totals::default(),
        of_batch: Totals::default(),
        batch_lines: 0,
        batch_sum: 0,
        from: None,
    };
    let read = match format {
        Format::Pain001 => arriving.read_pain001(&mut next),
        Format::Csv => arriving.read_csv(&mut next),
    };
    let read = read.and_then(|()| arriving.check_totals());
    let sha256 = hash.finish();
    arriving.file.sha256 = sha256.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    arriving.finish(read)
}

type Next<'a> = &'a mut dyn FnMut() -> Result<Option<Vec<u8>>, BulkRefusal>;

impl Arriving<'_> {
    fn read_pain001(&mut self, next: Next<'_>) -> Result<(), BulkRefusal> {
        let mut slicer = Slicer::new();
        loop {
            match slicer.next_piece().map_err(|fault| BulkRefusal::at(self.file.lines + 1, "file", fault))? {
                None => match next()? {
                    Some(chunk) => slicer.push(&chunk),
                    None => slicer.end(),
                },
                Some(Piece::Batch(document)) => self.begin_batch(&document)?,
                Some(Piece::Payment { document, own }) => {
                    let line = match InstructionView::read(&document) {
                        Ok(payment) => self.payment(payment)?,
                        Err((path, text)) => {
                            let (end_to_end_id, amount) = InstructionView::guess(&document[own]);
                            self.add_amount(amount.as_deref())?;
                            rejected(
                                BulkLine { end_to_end_id, ..BulkLine::default() },
                                StatusReason::Ff01,
                                &field_of(&path),
                                &text,
                            )
                        }
                    };
                    self.add(line)?;
                }
                Some(Piece::End) => return self.end_batch(),
            }
        }
    }

    fn begin_batch(&mut self, document: &[u8]) -> Result<(), BulkRefusal> {
        self.end_batch()?;
        let line = self.file.lines + 1;
        let at = |field: &str, words: &str| BulkRefusal::at(line, field, words);
        let batch = BatchView::read(document).map_err(|(path, text)| BulkRefusal::at(line, &path, text))?;
        if !batch.is_transfer {
            return Err(at("PmtInf/PmtMtd", "must be TRF"));
        }
        if batch.debtor_agent.as_ref().is_some_and(|agent| *agent != self.receiver.own_bic) {
            return Err(at("PmtInf/DbtrAgt", "is another bank"));
        }
        if !self.receiver.accounts.contains(&batch.debtor_account.number) {
            return Err(at("PmtInf/DbtrAcct", "is no account of this customer"));
        }
        self.file.file_id = batch.file.message_id;
        self.announced = Totals { lines: Some(batch.file.payments), sum: batch.file.control_sum };
        self.of_batch = Totals { lines: batch.payments, sum: batch.control_sum };
        (self.batch_lines, self.batch_sum) = (0, 0);
        let currency = batch.debtor_account.currency.map(|currency| format!("/{currency}")).unwrap_or_default();
        self.from = Some(format!("{}{currency}", batch.debtor_account.number));
        Ok(())
    }

    /// Holds the batch that ends against its own totals.
    fn end_batch(&self) -> Result<(), BulkRefusal> {
        held(&self.of_batch, self.batch_lines, self.batch_sum, self.file.lines, "PmtInf/NbOfTxs", "PmtInf/CtrlSum")
    }

    fn payment(&mut self, payment: InstructionView) -> Result<BulkLine, BulkRefusal> {
        self.add_amount(Some(&payment.amount))?;
        // Without a currency on the account what is debited is what arrives.
        let from = self.from.clone().unwrap_or_default();
        let from = if from.contains('/') { from } else { format!("{from}/{}", payment.currency) };
        let account = payment.creditor_account.unwrap_or_default();
        let order = LineOrder {
            from,
            agent: payment.creditor_agent.unwrap_or_default(),
            payee: account.number,
            name: payment.creditor_name.unwrap_or_default(),
            amount: payment.amount,
            currency: payment.currency,
            purpose: payment.purpose.unwrap_or_else(|| Purpose::Othr.to_string()),
            note: payment.remittance,
        };
        let (instruction_id, end_to_end_id) = (payment.instruction_id, Some(payment.end_to_end_id));
        Ok(BulkLine { instruction_id, end_to_end_id, order: Some(order), ..BulkLine::default() })
    }

    fn read_csv(&mut self, next: Next<'_>) -> Result<(), BulkRefusal> {
        let (mut reader, mut buffer) = (CsvReader::default(), Vec::new());
        loop {
            let chunk = next()?;
            let ended = chunk.is_none();
            buffer.extend(chunk.unwrap_or_default());
            let mut from = 0;
            while let Some(end) = buffer[from..].iter().position(|byte| *byte == b'\n') {
                self.row(&mut reader, &buffer[from..from + end])?;
                from += end + 1;
            }
            buffer.drain(..from);
            if ended && !buffer.is_empty() {
                self.row(&mut reader, &core::mem::take(&mut buffer))?;
            }
            if buffer.len() > LINE_BYTES_MAX {
                return Err(BulkRefusal::at(self.file.lines + 1, "row", format!("has more than {LINE_BYTES_MAX} bytes")));
            }
            if ended {
                return Ok(());
            }
        }
    }

    fn row(&mut self, reader: &mut CsvReader, row: &[u8]) -> Result<(), BulkRefusal> {
        let line = self.file.lines + 1;
        let text = core::str::from_utf8(row).map_err(|_| BulkRefusal::at(line, "row", "is not UTF-8"))?;
        match reader.read(text) {
            Ok(Row::Nothing) => Ok(()),
            Ok(Row::Head(head)) => {
                let account = head.from.split('/').next().unwrap_or_default().to_owned();
                if !self.receiver.accounts.contains(&account) {
                    return Err(BulkRefusal::at(0, "from", "is no account of this customer"));
                }
                self.file.file_id = head.file_id;
                self.announced = Totals { lines: Some(head.lines), sum: Some(head.control_sum) };
                self.from = Some(head.from);
                Ok(())
            }
            Ok(Row::Line(found)) => {
                self.add_amount(found.order.as_ref().map(|order| order.amount.as_str()))?;
                self.add(*found)
            }
            Err((field, words)) => Err(BulkRefusal::at(if self.from.is_some() { line } else { 0 }, &field, words)),
        }
    }

    /// Counts an amount. One that cannot be read leaves the totals unproved, and the file is refused.
    fn add_amount(&mut self, amount: Option<&str>) -> Result<(), BulkRefusal> {
        let unreadable = || BulkRefusal::at(self.file.lines + 1, "amount", "cannot be read, so the control sum proves nothing");
        let units = amount.and_then(control_sum).ok_or_else(unreadable)?;
        self.file.control_sum = self.file.control_sum.saturating_add(units);
        self.batch_sum = self.batch_sum.saturating_add(units);
        Ok(())
    }

    /// Judges a line and keeps it.
    fn add(&mut self, mut line: BulkLine) -> Result<(), BulkRefusal> {
        self.file.lines += 1;
        self.batch_lines += 1;
        if self.file.lines > LINES_MAX {
            return Err(BulkRefusal::at(self.file.lines, "file", format!("more than {LINES_MAX} lines")));
        }
        if let Some(fault) = line.order.as_ref().and_then(|order| self.fault(order)) {
            let (reason, words) = (iso_reason(fault), format!("{:?}", fault.fault));
            line = rejected(line, reason, fault.field.key(), &words);
        }
        self.file.rejected += u64::from(line.rejected.is_some());
        self.batch.push(line);
        if self.batch.len() == BATCH { self.flush() } else { Ok(()) }
    }

    fn fault(&self, order: &LineOrder) -> Option<OrderFault> {
        typed(order).read(&self.receiver.own_bic, &self.receiver.currencies).err()
    }

    fn flush(&mut self) -> Result<(), BulkRefusal> {
        let first = self.file.lines + 1 - self.batch.len() as u64;
        self.books.add_lines(self.file.number, first, &self.batch)?;
        self.batch.clear();
        Ok(())
    }

    fn check_totals(&mut self) -> Result<(), BulkRefusal> {
        self.flush()?;
        if self.file.lines == 0 {
            return Err(BulkRefusal::at(0, "file", "has no payment"));
        }
        held(&self.announced, self.file.lines, self.file.control_sum, 0, "NbOfTxs", "CtrlSum")
    }

    fn finish(mut self, read: Result<(), BulkRefusal>) -> Result<BulkFile, BulkRefusal> {
        let number = self.file.number;
        let refusal = match read {
            Ok(()) => match self.books.accept_file(&self.file)? {
                Some(accepted) => {
                    if accepted.number != number {
                        self.books.drop_lines(number)?;
                    }
                    return Ok(accepted);
                }
                None => BulkRefusal::OtherFile,
            },
            Err(refusal) => refusal,
        };
        self.file.refused = Some(match &refusal {
            BulkRefusal::At { line, field, words } => (*line, field.clone(), words.clone()),
            BulkRefusal::OtherFile | BulkRefusal::Books(_) => (0, "file".to_owned(), refusal.to_string()),
        });
        self.file.state = FileState::Refused;
        self.books.refuse_file(&self.file)?;
        self.books.drop_lines(number)?;
        Err(refusal)
    }
}

fn held(announced: &Totals, lines: u64, sum: i128, line: u64, of_lines: &str, of_sum: &str) -> Result<(), BulkRefusal> {
    if announced.lines.is_some_and(|announced| announced != lines) {
        return Err(BulkRefusal::at(line, of_lines, format!("there are {lines} payments")));
    }
    if announced.sum.is_some_and(|announced| announced != sum) {
        let (whole, fraction) = (sum / 100_000, sum % 100_000);
        return Err(BulkRefusal::at(line, of_sum, format!("the amounts add up to {whole}.{fraction:05}")));
    }
    Ok(())
}

fn rejected(line: BulkLine, reason: StatusReason, field: &str, words: &str) -> BulkLine {
    BulkLine { rejected: Some((reason.to_string(), field.to_owned(), words.to_owned())), ..line }
}

/// The path below a payment.
fn field_of(path: &str) -> String {
    path.rsplit_once("CdtTrfTxInf[1]/").map_or(path, |(_, below)| below).to_owned()
}

/// A line's order as a form would have it: what is exact is what arrives.
pub(crate) fn typed(order: &LineOrder) -> TypedOrder {
    TypedOrder {
        from: order.from.clone(),
        agent: order.agent.clone(),
        payee: order.payee.clone(),
        name: order.name.clone(),
        amount: order.amount.clone(),
        fixed: "credit".to_owned(),
        credit_currency: order.currency.clone(),
        purpose: order.purpose.clone(),
        note: order.note.clone(),
        when: String::new(),
        on: String::new(),
    }
}

/// The status reason of a field's fault.
fn iso_reason(fault: OrderFault) -> StatusReason {
    use crate::order::Field as F;
    match fault.field {
        F::From => StatusReason::Ac02,
        F::Agent => StatusReason::Rc04,
        F::Payee => StatusReason::Ac03,
        F::Name => StatusReason::Be22,
        F::Amount => StatusReason::Am09,
        F::CreditCurrency => StatusReason::Am11,
        F::Purpose => StatusReason::Ff07,
        F::Note => StatusReason::Ff01,
        // A file's lines are paid as it is received, and once.
        F::When | F::Repeat | F::Every | F::First | F::Ends | F::Times | F::Until => StatusReason::Dt01,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::bulk::Turn;
    use crate::bulk::results::status_of;
    use crate::config::CURRENCIES;
    use crate::sample::{sample_banks, seed_of};

    const ACCOUNT: &str = "388900700001";

    fn books() -> Books {
        let books = Books::open_backend(redb::backends::InMemoryBackend::new()).unwrap();
        let harbour = &sample_banks()[0];
        let silk: Vec<_> = harbour.customers.iter().filter(|customer| customer.account == ACCOUNT).cloned().collect();
        books.seed(&seed_of(&silk, &CURRENCIES), 1).unwrap();
        books
    }

    fn receive_bytes(books: &Books, format: Format, bytes: &[u8], chunk: usize) -> Result<BulkFile, BulkRefusal> {
        let (sender, chunks) = mpsc::channel(1 << 16);
        bytes.chunks(chunk).for_each(|chunk| sender.try_send(Some(chunk.to_vec())).unwrap());
        drop(sender);
        let receiver = Receiver {
            sign_in: "silk".into(),
            accounts: vec![ACCOUNT.into()],
            own_bic: "HARBHKHHXXX".into(),
            currencies: CURRENCIES.to_vec(),
            now_ms: 1,
        };
        receive(books, &receiver, format, chunks)
    }

    fn payment(id: &str, account: &str, amount: &str) -> String {
        format!(
            "<CdtTrfTxInf><PmtId><EndToEndId>{id}</EndToEndId></PmtId><Amt><InstdAmt Ccy=\"HKD\">{amount}</InstdAmt></Amt>\
             <CdtrAgt><FinInstnId><BICFI>PENGCNBSXXX</BICFI></FinInstnId></CdtrAgt><Cdtr><Nm>LI Na</Nm></Cdtr>\
             <CdtrAcct><Id><Othr><Id>{account}</Id></Othr></Id></CdtrAcct></CdtTrfTxInf>"
        )
    }

    fn pain001(id: &str, lines: u64, sum: &str, payments: &str) -> String {
        format!(
            "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.09\"><CstmrCdtTrfInitn><GrpHdr><MsgId>{id}</MsgId>\
             <CreDtTm>2026-11-26T08:00:00+08:00</CreDtTm><NbOfTxs>{lines}</NbOfTxs><CtrlSum>{sum}</CtrlSum><InitgPty/></GrpHdr>\
             <PmtInf><PmtInfId>B</PmtInfId><PmtMtd>TRF</PmtMtd><PmtTpInf><CtgyPurp><Cd>SALA</Cd></CtgyPurp></PmtTpInf>\
             <ReqdExctnDt><Dt>2026-11-26</Dt></ReqdExctnDt><Dbtr><Nm>Harbour Silk Trading Limited</Nm></Dbtr>\
             <DbtrAcct><Id><Othr><Id>{ACCOUNT}</Id></Othr></Id></DbtrAcct><DbtrAgt><FinInstnId><BICFI>HARBHKHHXXX</BICFI>\
             </FinInstnId></DbtrAgt>{payments}</PmtInf></CstmrCdtTrfInitn></Document>"
        )
    }

    #[test]
    fn bad_lines_are_rejected_singly_and_the_others_are_there() {
        let books = books();
        let payments = [
            payment("E-1", "6217002000010001", "100.00"),
            payment("E-2", "12", "50.00"),
            payment("E-3", "6217002000010001", "0.50").replace("<Nm>LI Na</Nm>", "<Nm></Nm>"),
        ];
        let xml = pain001("FILE-1", 3, "150.5", &payments.concat());
        let file = receive_bytes(&books, Format::Pain001, xml.as_bytes(), 7).unwrap();
        assert_eq!((file.lines, file.rejected, file.state), (3, 2, FileState::Accepted));
        let lines = books.bulk_lines(file.number, 1, 10).unwrap();
        assert_eq!(lines[0].1.order.as_ref().map(|order| order.purpose.as_str()), Some("SALA"));
        let rejected: Vec<_> = lines.iter().filter_map(|(at, line, _)| Some((*at, line.rejected.as_ref()?.clone()))).collect();
        assert_eq!((rejected[0].0, rejected[0].1.0.as_str(), rejected[0].1.1.as_str()), (2, "AC03", "payee"));
        assert_eq!((rejected[1].0, rejected[1].1.1.as_str(), lines[2].1.end_to_end_id.as_deref()), (3, "Cdtr/Nm", Some("E-3")));
    }

    #[test]
    fn wrong_totals_refuse_the_whole_file() {
        let one = payment("E-1", "6217002000010001", "100.00");
        for (xml, field) in [
            (pain001("F", 2, "100", &one), "NbOfTxs"),
            (pain001("F", 1, "100.01", &one), "CtrlSum"),
            (pain001("F", 1, "100", &one).replace("<PmtMtd>TRF</PmtMtd>", "<PmtMtd>CHK</PmtMtd>"), "PmtInf/PmtMtd"),
            (
                pain001("F", 1, "100", &one).replace(&format!("<DbtrAcct><Id><Othr><Id>{ACCOUNT}"), "<DbtrAcct><Id><Othr><Id>1"),
                "PmtInf/DbtrAcct",
            ),
            (pain001("F", 1, "100", &one.replace("100.00", "many")), "amount"),
            (pain001("F", 1, "100", &one)[..600].to_owned(), "file"),
        ] {
            let books = books();
            let Err(BulkRefusal::At { field: found, .. }) = receive_bytes(&books, Format::Pain001, xml.as_bytes(), 64) else {
                panic!("{field} was taken")
            };
            assert_eq!(found, field);
            assert_eq!(books.next_bulk_file().unwrap(), None);
            assert_eq!(books.bulk_lines(1, 1, 10).unwrap(), []);
        }
    }

    #[test]
    fn a_file_twice_is_one_and_another_under_its_name_is_refused() {
        let books = books();
        let xml = pain001("FILE-1", 1, "100", &payment("LINE-7", "6217002000010001", "100.00"));
        let first = receive_bytes(&books, Format::Pain001, xml.as_bytes(), 4096).unwrap();
        let again = receive_bytes(&books, Format::Pain001, xml.as_bytes(), 11).unwrap();
        assert_eq!(first, again);
        let other = receive_bytes(&books, Format::Pain001, xml.replace("LINE-7", "LINE-8").as_bytes(), 11);
        assert_eq!(other, Err(BulkRefusal::OtherFile));
        assert_eq!(books.next_bulk_file().unwrap().map(|file| file.number), Some(first.number));
    }

    #[test]
    fn a_spreadsheet_is_taken_and_its_cursor_never_goes_back() {
        let books = books();
        let csv = format!(
            "file_id,lines,control_sum,from\nPAY-1,2,150.00,{ACCOUNT}/HKD\nend_to_end_id,agent,account,name,currency,amount,purpose,note\n\
             E-1,PENGCNBSXXX,6217002000010001,LI Na,HKD,100.00,SALA,\nE-2,NOPE,6217002000010001,LI Na,HKD,50.00,SALA,"
        );
        let file = receive_bytes(&books, Format::Csv, csv.as_bytes(), 13).unwrap();
        assert_eq!((file.lines, file.rejected), (2, 1));
        let turns = [Turn::Reject("AM04".into(), "amount".into(), "x".into()), Turn::Skip];
        assert_eq!(books.turn_lines(file.number, &turns, 2).unwrap(), Vec::<String>::new());
        let done = books.bulk_file(file.number).unwrap().unwrap();
        assert_eq!((done.state, done.next_line, done.rejected), (FileState::Done, 3, 2));
        // A turn that comes again has no line left.
        assert_eq!(books.turn_lines(file.number, &turns, 3).unwrap(), Vec::<String>::new());
        let lines = books.bulk_lines(file.number, 1, 10).unwrap();
        assert_eq!(status_of(&lines[0].1, None).1.as_deref(), Some("AM04"));
        assert_eq!(status_of(&lines[1].1, None).1.as_deref(), Some("RC04"));
    }
}
