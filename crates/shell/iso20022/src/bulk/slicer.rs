//! Cuts a `pain.001` into pieces while it arrives, by its markup alone.
//!
//! The slicer knows where elements begin and end and how deep they lie; what is in them the strict reader judges, piece by piece.
//! A cut can be in the wrong place only where the file is not well-formed, and then a piece does not read.

use core::mem::take;

/// Bytes of a head or a payment at most: twenty times what a payment with every element has.
pub const PIECE_BYTES_MAX: usize = 64 << 10;
/// Elements open at once.
const DEPTH_MAX: usize = 64;

/// A piece of a file. Each is a document of its own that the strict reader takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A batch begins: the heads of file and batch, with a payment put in that stands for those to come.
    Batch(Vec<u8>),
    /// A payment, with the heads of its file and batch around it, and by itself.
    Payment {
        /// With the heads around it.
        document: Vec<u8>,
        /// Where in it the payment's own element lies.
        own: core::ops::Range<usize>,
    },
    /// The file ended as it should.
    End,
}

/// Why a file cannot be cut. The whole file is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SliceFault {
    /// A document type declaration: no entity is ever read.
    #[error("a document type declaration may not be in a message")]
    Doctype,
    /// A piece is too long.
    #[error("a head or a payment has more than {PIECE_BYTES_MAX} bytes")]
    TooLong,
    /// Too many elements in each other.
    #[error("more than {DEPTH_MAX} elements lie in each other")]
    TooDeep,
    /// The root is not that of a `pain.001`.
    #[error("the file is no pain.001: it must begin with Document, CstmrCdtTrfInitn and GrpHdr")]
    NotAFile,
    /// End tags that do not fit their start tags.
    #[error("end tags do not fit the start tags")]
    NotNested,
    /// The file ends before it is complete.
    #[error("the file ends too early")]
    Cut,
    /// Something behind the end.
    #[error("something stands behind the end of the file")]
    Behind,
    /// A batch without a payment.
    #[error("a batch has no payment")]
    EmptyBatch,
}

/// Where a tag lies and what it is.
struct Tag {
    end: usize,
    kind: TagKind,
}

enum TagKind {
    Start(Vec<u8>),
    Empty,
    End(Vec<u8>),
    Other,
}

/// Cuts a file. Give it bytes as they come and take pieces until it wants more.
#[derive(Debug, Default)]
pub struct Slicer {
    buffer: Vec<u8>,
    /// Up to where the buffer has been looked at.
    at: usize,
    /// Names of open elements as written, with prefixes.
    open: Vec<Vec<u8>>,
    /// Everything before the first batch.
    head: Vec<u8>,
    /// The current batch before its first payment.
    batch: Vec<u8>,
    in_batch: bool,
    payments_in_batch: bool,
    /// Where the piece that is open begins in the buffer.
    from: usize,
    complete: bool,
    ended: bool,
}

impl Slicer {
    /// A slicer for one file.
    pub fn new() -> Self {
        Self::default()
    }

    /// More of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Nothing follows.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The next piece; `None` when more bytes are needed.
    ///
    /// # Errors
    /// The file cannot be cut; nothing more is to be had of it.
    pub fn next_piece(&mut self) -> Result<Option<Piece>, SliceFault> {
        loop {
            let Some(tag) = self.next_tag()? else { return self.at_end() };
            let start = self.at;
            self.at = tag.end;
            let piece = match tag.kind {
                TagKind::Other | TagKind::Empty => None,
                TagKind::Start(name) => self.opened(name, start)?,
                TagKind::End(name) => self.closed(&name)?,
            };
            if piece.is_some() {
                return Ok(piece);
            }
        }
    }

    fn at_end(&mut self) -> Result<Option<Piece>, SliceFault> {
        if self.buffer.len() - self.from > PIECE_BYTES_MAX {
            return Err(SliceFault::TooLong);
        }
        if !self.ended {
            return Ok(None);
        }
        match self.complete && self.buffer[self.at..].iter().all(u8::is_ascii_whitespace) {
            true => Ok(Some(Piece::End)),
            false => Err(SliceFault::Cut),
        }
    }

    /// Finds the next tag from `at` on; what is before it is text. `at` is at its `<` afterwards.
    fn next_tag(&mut self) -> Result<Option<Tag>, SliceFault> {
        let Some(open) = self.buffer[self.at..].iter().position(|byte| *byte == b'<') else {
            return Ok(None);
        };
        self.at += open;
        let rest = &self.buffer[self.at..];
        let through = |end: Option<usize>| end.map(|end| Tag { end: self.at + end, kind: TagKind::Other });
        if rest.starts_with(b"<!--") {
            return Ok(through(find(&rest[4..], b"-->").map(|at| at + 7)));
        }
        if rest.starts_with(b"<![CDATA[") {
            return Ok(through(find(rest, b"]]>").map(|at| at + 3)));
        }
        if rest.starts_with(b"<?") {
            return Ok(through(find(rest, b"?>").map(|at| at + 2)));
        }
        if rest.starts_with(b"<!") && (rest.len() >= 9 || rest.get(2).is_some_and(|byte| *byte == b'D')) {
            return Err(SliceFault::Doctype);
        }
        if rest.starts_with(b"<!") || rest.len() < 2 {
            return Ok(None);
        }
        let Some(end) = tag_end(rest) else { return Ok(None) };
        let inside = &rest[1..end - 1];
        let kind = match inside {
            [b'/', name @ ..] => TagKind::End(name.trim_ascii_end().to_vec()),
            [.., b'/'] => TagKind::Empty,
            _ => TagKind::Start(inside.split(u8::is_ascii_whitespace).next().unwrap_or_default().to_vec()),
        };
        Ok(Some(Tag { end: self.at + end, kind }))
    }

    fn opened(&mut self, name: Vec<u8>, start: usize) -> Result<Option<Piece>, SliceFault> {
        if self.complete || self.open.len() >= DEPTH_MAX {
            return Err(if self.complete { SliceFault::Behind } else { SliceFault::TooDeep });
        }
        let depth = self.open.len();
        let expected: Option<&[u8]> = match depth {
            0 => Some(b"Document"),
            1 => Some(b"CstmrCdtTrfInitn"),
            _ => None,
        };
        if expected.is_some_and(|expected| local(&name) != expected) {
            return Err(SliceFault::NotAFile);
        }
        let is_batch = depth == 2 && local(&name) == b"PmtInf";
        let is_payment = depth == 3 && self.in_batch && local(&name) == b"CdtTrfTxInf";
        self.open.push(name);
        if is_batch {
            if self.head.is_empty() {
                self.head = self.cut(start)?;
            } else {
                self.cut(start)?;
            }
            (self.in_batch, self.payments_in_batch) = (true, false);
        }
        if is_payment && !self.payments_in_batch {
            self.payments_in_batch = true;
            self.batch = self.cut(start)?;
            return Ok(Some(Piece::Batch(self.wrapped(&self.stand_in()).0)));
        }
        if is_payment {
            // Blanks between payments are nobody's.
            self.cut(start)?;
        }
        Ok(None)
    }

    fn closed(&mut self, name: &[u8]) -> Result<Option<Piece>, SliceFault> {
        let opened = self.open.pop().ok_or(SliceFault::NotNested)?;
        if opened != name {
            return Err(SliceFault::NotNested);
        }
        let depth = self.open.len();
        if depth == 3 && self.in_batch && local(name) == b"CdtTrfTxInf" {
            let own = self.cut(self.at)?;
            let (document, at) = self.wrapped(&own);
            return Ok(Some(Piece::Payment { document, own: at..at + own.len() }));
        }
        if depth == 2 && self.in_batch {
            if !self.payments_in_batch {
                return Err(SliceFault::EmptyBatch);
            }
            self.in_batch = false;
        }
        if depth == 0 {
            self.complete = true;
            if self.head.is_empty() {
                return Err(SliceFault::EmptyBatch);
            }
        }
        Ok(None)
    }

    /// Takes what lies before `end` out of the buffer.
    fn cut(&mut self, end: usize) -> Result<Vec<u8>, SliceFault> {
        if end - self.from > PIECE_BYTES_MAX {
            return Err(SliceFault::TooLong);
        }
        let piece = self.buffer[self.from..end].to_vec();
        self.from = end;
        // What is behind is kept until there is much of it, so that moving it costs little a byte.
        if self.from > PIECE_BYTES_MAX {
            self.buffer.drain(..self.from);
            self.at -= take(&mut self.from);
        }
        Ok(piece)
    }

    /// A document with one payment, and where in it that lies.
    fn wrapped(&self, payment: &[u8]) -> (Vec<u8>, usize) {
        let mut document = Vec::with_capacity(self.head.len() + self.batch.len() + payment.len() + 64);
        document.extend_from_slice(&self.head);
        document.extend_from_slice(&self.batch);
        let at = document.len();
        document.extend_from_slice(payment);
        for name in self.open[..3.min(self.open.len())].iter().rev() {
            document.extend_from_slice(b"</");
            document.extend_from_slice(name);
            document.push(b'>');
        }
        (document, at)
    }

    /// The smallest payment, to judge heads by themselves.
    fn stand_in(&self) -> Vec<u8> {
        let root = self.open.first().map(Vec::as_slice).unwrap_or_default();
        let prefix = root.strip_suffix(b"Document".as_slice()).and_then(|prefix| core::str::from_utf8(prefix).ok()).unwrap_or("");
        let element = |name: &str, inside: &str| format!("<{prefix}{name}>{inside}</{prefix}{name}>");
        let id = element("PmtId", &element("EndToEndId", "NOTPROVIDED"));
        let amount = format!("<{prefix}InstdAmt Ccy=\"HKD\">1</{prefix}InstdAmt>");
        element("CdtTrfTxInf", &(id + &element("Amt", &amount))).into_bytes()
    }
}

fn local(name: &[u8]) -> &[u8] {
    name.iter().position(|byte| *byte == b':').map_or(name, |colon| &name[colon + 1..])
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

/// Behind the `>` of a tag; one within quotes does not end it.
fn tag_end(rest: &[u8]) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in rest.iter().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at + 1),
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(open), close) if open == *close => quote = None,
            (None | Some(_), _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "<?xml version=\"1.0\"?>\n<Document xmlns=\"urn:x\"><CstmrCdtTrfInitn><GrpHdr><!-- <PmtInf> --><MsgId>1</MsgId></GrpHdr>\
        <PmtInf a='>'><PmtInfId>A</PmtInfId> <CdtTrfTxInf><A><![CDATA[</CdtTrfTxInf>]]></A></CdtTrfTxInf>\n<CdtTrfTxInf><B/></CdtTrfTxInf></PmtInf>\
        <PmtInf><PmtInfId>B</PmtInfId><CdtTrfTxInf>c</CdtTrfTxInf></PmtInf><SplmtryData>x</SplmtryData></CstmrCdtTrfInitn></Document>\n";

    fn cut(file: &str, chunk: usize) -> Result<Vec<String>, SliceFault> {
        let (mut slicer, mut pieces) = (Slicer::new(), Vec::new());
        let mut chunks = file.as_bytes().chunks(chunk);
        loop {
            match slicer.next_piece()? {
                Some(Piece::End) => return Ok(pieces),
                Some(Piece::Batch(document)) => pieces.push(format!("batch {}", String::from_utf8(document).unwrap())),
                Some(Piece::Payment { document, own }) => {
                    let text = String::from_utf8(document).unwrap();
                    assert!(text.ends_with("Document>"), "{text}");
                    pieces.push(text[own].to_owned());
                }
                None => match chunks.next() {
                    Some(chunk) => slicer.push(chunk),
                    None => slicer.end(),
                },
            }
        }
    }

    #[test]
    fn pieces_are_the_same_however_the_bytes_come() {
        let whole = cut(FILE, FILE.len()).unwrap();
        assert_eq!(whole.len(), 5);
        assert!(whole[0].contains("<PmtInfId>A</PmtInfId> <CdtTrfTxInf><PmtId><EndToEndId>NOTPROVIDED"), "{}", whole[0]);
        assert_eq!(whole[1], "<CdtTrfTxInf><A><![CDATA[</CdtTrfTxInf>]]></A></CdtTrfTxInf>");
        assert_eq!((whole[2].as_str(), whole[4].as_str()), ("<CdtTrfTxInf><B/></CdtTrfTxInf>", "<CdtTrfTxInf>c</CdtTrfTxInf>"));
        for chunk in [1, 2, 3, 7, 64] {
            assert_eq!(cut(FILE, chunk).unwrap(), whole, "in chunks of {chunk}");
        }
    }

    #[test]
    fn a_prefix_is_kept() {
        let tags = |text: &str| text.replace("</", "<#").replace('<', "<p:").replace("<p:#", "</p:");
        let file = tags(
            "<Document><CstmrCdtTrfInitn><GrpHdr></GrpHdr><PmtInf><CdtTrfTxInf>1</CdtTrfTxInf></PmtInf></CstmrCdtTrfInitn></Document>",
        );
        let pieces = cut(&file, 5).unwrap();
        assert!(
            pieces[0].contains("<p:CdtTrfTxInf><p:PmtId><p:EndToEndId>") && pieces[0].ends_with("</p:Document>"),
            "{}",
            pieces[0]
        );
        assert_eq!(pieces[1], "<p:CdtTrfTxInf>1</p:CdtTrfTxInf>");
    }

    #[test]
    fn what_is_no_file_is_said() {
        use SliceFault as F;
        let tx = "<CdtTrfTxInf>1</CdtTrfTxInf>";
        let of = |inside: &str| format!("<Document><CstmrCdtTrfInitn><GrpHdr></GrpHdr>{inside}</CstmrCdtTrfInitn></Document>");
        let long = format!("<PmtInf><CdtTrfTxInf>{}</CdtTrfTxInf></PmtInf>", "x".repeat(PIECE_BYTES_MAX + 1));
        for (file, fault) in [
            ("<!DOCTYPE x><Document/>".to_owned(), F::Doctype),
            ("<Other></Other>".to_owned(), F::NotAFile),
            ("<Document><FIToFICstmrCdtTrf>".to_owned(), F::NotAFile),
            (of("<PmtInf><PmtInfId>1</PmtInfId></PmtInf>"), F::EmptyBatch),
            (of(""), F::EmptyBatch),
            (of(&format!("<PmtInf>{tx}")), F::NotNested),
            (of(&format!("<PmtInf>{tx}</PmtInf>")) + "<x>", F::Behind),
            (of(&format!("<PmtInf>{tx}</PmtInf>")) + "x", F::Cut),
            (of(&format!("<PmtInf>{tx}</PmtInf>"))[..80].to_owned(), F::Cut),
            (of(&long), F::TooLong),
            ("<Document><CstmrCdtTrfInitn>".to_owned() + &"<x>".repeat(100), F::TooDeep),
            (String::new(), F::Cut),
        ] {
            for chunk in [1, 4096] {
                assert_eq!(cut(&file, chunk), Err(fault), "{:.80}", file);
            }
        }
    }

    #[test]
    fn memory_is_flat() {
        let mut slicer = Slicer::new();
        slicer.push(b"<Document><CstmrCdtTrfInitn><GrpHdr></GrpHdr><PmtInf><PmtInfId>1</PmtInfId>");
        let payment = format!("<CdtTrfTxInf>{}</CdtTrfTxInf>\n", "x".repeat(900));
        let mut most = 0;
        for _ in 0..20_000 {
            slicer.push(payment.as_bytes());
            while slicer.next_piece().unwrap().is_some() {}
            most = most.max(slicer.buffer.capacity());
        }
        assert!(most <= 4 * PIECE_BYTES_MAX, "{most} bytes");
    }
}
