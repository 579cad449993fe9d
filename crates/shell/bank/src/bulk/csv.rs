//! A file of payments as a spreadsheet writes it.
//!
//! ```text
//! file_id,lines,control_sum,from
//! PAY-2026-11,2,250.50,388900700001/HKD
//! end_to_end_id,agent,account,name,currency,amount,purpose,note
//! E-1,PENGCNBSXXX,6217002000010001,LI Na,HKD,100.00,SALA,November
//! ```
//! Fields may stand in quotes (RFC 4180), without line breaks inside. UTF-8, with or without byte order mark.

use crate::books::bulk::{BulkLine, LineOrder};

/// Longest line, in bytes.
pub(crate) const LINE_BYTES_MAX: usize = 4_096;
const HEAD: &str = "file_id,lines,control_sum,from";
const COLUMNS: &str = "end_to_end_id,agent,account,name,currency,amount,purpose,note";

/// What the second line says of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CsvHead {
    pub(crate) file_id: String,
    pub(crate) lines: u64,
    pub(crate) control_sum: i128,
    pub(crate) from: String,
}

/// Where in the file a reader is.
#[derive(Debug, Default)]
pub(crate) struct CsvReader {
    rows: u64,
    head: Option<CsvHead>,
}

/// A row, read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// The head is known now.
    Head(CsvHead),
    /// A payment.
    Line(Box<BulkLine>),
    /// Nothing: the names of columns, or a blank line.
    Nothing,
}

impl CsvReader {
    /// Reads the next row. The error is a field and what is wrong; before the first payment it refuses the file.
    pub(crate) fn read(&mut self, row: &str) -> Result<Row, (String, String)> {
        let row = row.trim_end_matches('\r');
        self.rows += 1;
        let expect = |names: &str| match row.trim_start_matches('\u{feff}').eq_ignore_ascii_case(names) {
            true => Ok(Row::Nothing),
            false => Err((format!("row {}", if names == HEAD { 1 } else { 3 }), format!("expected {names}"))),
        };
        match self.rows {
            1 => expect(HEAD),
            2 => {
                let head = read_head(row)?;
                self.head = Some(head.clone());
                Ok(Row::Head(head))
            }
            3 => expect(COLUMNS),
            _ if row.trim().is_empty() => Ok(Row::Nothing),
            _ => self.line(row).map(|line| Row::Line(Box::new(line))),
        }
    }

    fn line(&self, row: &str) -> Result<BulkLine, (String, String)> {
        let fields = fields(row).ok_or(("row".to_owned(), "a quote is not closed, or stands inside a field".to_owned()))?;
        let Ok([id, agent, account, name, currency, amount, purpose, note]) = <[String; 8]>::try_from(fields) else {
            return Err(("row".to_owned(), format!("expected 8 fields: {COLUMNS}")));
        };
        let from = self.head.as_ref().map(|head| head.from.clone()).unwrap_or_default();
        let order = LineOrder { from, agent, payee: account, name, amount, currency, purpose, note };
        Ok(BulkLine { end_to_end_id: Some(id).filter(|id| !id.is_empty()), order: Some(order), ..BulkLine::default() })
    }
}

fn read_head(row: &str) -> Result<CsvHead, (String, String)> {
    let wrong = |field: &str, words: &str| (field.to_owned(), words.to_owned());
    let found = fields(row).and_then(|fields| <[String; 4]>::try_from(fields).ok());
    let [file_id, lines, control_sum, from] = found.ok_or_else(|| wrong("row 2", &format!("expected 4 fields: {HEAD}")))?;
    if file_id.is_empty() || file_id.len() > 35 {
        return Err(wrong("file_id", "must have 1 to 35 characters"));
    }
    let lines = lines.parse().map_err(|_| wrong("lines", "is no number"))?;
    let control_sum = iso20022::bulk::control_sum(&control_sum).ok_or_else(|| wrong("control_sum", "is no decimal number"))?;
    Ok(CsvHead { file_id, lines, control_sum, from })
}

/// The fields of a row; `None` where quotes are wrong.
fn fields(row: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = row;
    loop {
        let (field, behind) = match rest.strip_prefix('"') {
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (rest[..end].trim().to_owned(), &rest[end..])
            }
            Some(quoted) => quoted_field(quoted)?,
        };
        if field.contains('"') && !rest.starts_with('"') {
            return None;
        }
        fields.push(field);
        match behind.strip_prefix(',') {
            Some(next) => rest = next,
            None => return behind.is_empty().then_some(fields),
        }
    }
}

/// A field behind its opening quote, and what follows its closing one.
fn quoted_field(quoted: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut rest = quoted;
    loop {
        let at = rest.find('"')?;
        field.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('"') {
            Some(next) => {
                field.push('"');
                rest = next;
            }
            None => return Some((field, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_as_rfc_4180_says() {
        let strings = |row: &str| fields(row).map(|fields| fields.join("|"));
        for (row, expected) in [
            ("a,b,c", Some("a|b|c")),
            ("", Some("")),
            ("a,,", Some("a||")),
            ("\"a,b\",c", Some("a,b|c")),
            ("\"say \"\"hi\"\"\",c", Some("say \"hi\"|c")),
            ("\"\",c", Some("|c")),
            ("\"open", None),
            ("\"a\"b,c", None),
            ("a\"b,c", None),
        ] {
            assert_eq!(strings(row).as_deref(), expected, "{row}");
        }
    }

    #[test]
    fn a_file_is_read_row_by_row() {
        let mut reader = CsvReader::default();
        assert_eq!(reader.read("\u{feff}File_Id,lines,control_sum,from\r"), Ok(Row::Nothing));
        let Ok(Row::Head(head)) = reader.read("PAY-1,1,100.00,388900700001/HKD") else { panic!("no head") };
        assert_eq!((head.lines, head.control_sum), (1, 10_000_000));
        assert_eq!(reader.read(COLUMNS), Ok(Row::Nothing));
        let Ok(Row::Line(line)) = reader.read("E-1,PENGCNBSXXX,6217002000010001,\"LI, Na\",HKD,100.00,SALA,") else {
            panic!("no line")
        };
        let order = line.order.unwrap();
        assert_eq!((order.from.as_str(), order.name.as_str()), ("388900700001/HKD", "LI, Na"));
        assert_eq!(reader.read("E-2,too,few"), Err(("row".into(), format!("expected 8 fields: {COLUMNS}"))));
        assert_eq!(reader.read(""), Ok(Row::Nothing));
    }

    #[test]
    fn a_wrong_head_names_its_field() {
        for (row, field) in [("a,1,1", "row 2"), (",1,1,x", "file_id"), ("a,x,1,x", "lines"), ("a,1,-1,x", "control_sum")] {
            assert_eq!(read_head(row).unwrap_err().0, field);
        }
        assert_eq!(CsvReader::default().read("id,amount").unwrap_err().0, "row 1");
    }
}
