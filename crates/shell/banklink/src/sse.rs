//! The part of the server-sent events format the inbox uses: `data` lines, comments, blank lines.

/// Longest event read, in bytes: 160 KiB of messages, escaped in JSON, and their signature.
pub const EVENT_BYTES_MAX: usize = 384 * 1024;

/// Cuts a byte stream into events' data.
#[derive(Default)]
pub(crate) struct SseReader {
    pending: Vec<u8>,
    data: Vec<u8>,
}

/// An event or line beyond [`EVENT_BYTES_MAX`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl SseReader {
    /// Takes what arrived; appends the data of every event that is now whole to `events`.
    pub(crate) fn push(&mut self, bytes: &[u8], events: &mut Vec<Vec<u8>>) -> Result<(), TooLong> {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let (line, after) = rest.split_at(end);
            rest = &after[1..];
            if self.pending.is_empty() {
                self.line(line, events)?;
            } else {
                self.pending.extend_from_slice(line);
                let line = core::mem::take(&mut self.pending);
                self.line(&line, events)?;
            }
        }
        self.pending.extend_from_slice(rest);
        if self.pending.len() > EVENT_BYTES_MAX { Err(TooLong) } else { Ok(()) }
    }

    fn line(&mut self, line: &[u8], events: &mut Vec<Vec<u8>>) -> Result<(), TooLong> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            if !self.data.is_empty() {
                events.push(core::mem::take(&mut self.data));
            }
        } else if let Some(data) = line.strip_prefix(b"data:") {
            if !self.data.is_empty() {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
        }
        if self.data.len() > EVENT_BYTES_MAX { Err(TooLong) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] = b": ping\n\nid: 7\nevent: message\ndata: {\"a\":1}\n\r\ndata:x\r\ndata: y\r\n\r\nid: 8\n\n";

    #[test]
    fn events_are_cut_at_any_byte() {
        let whole: [&[u8]; 2] = [b"{\"a\":1}", b"x\ny"];
        for at in 0..=STREAM.len() {
            let (mut reader, mut events) = (SseReader::default(), Vec::new());
            reader.push(&STREAM[..at], &mut events).unwrap();
            reader.push(&STREAM[at..], &mut events).unwrap();
            assert_eq!(events, whole, "cut at {at}");
        }
    }

    #[test]
    fn an_endless_line_or_event_is_refused() {
        let mut reader = SseReader::default();
        let mut events = Vec::new();
        assert_eq!(reader.push(&vec![b'x'; EVENT_BYTES_MAX + 1], &mut events), Err(TooLong));
        let mut reader = SseReader::default();
        let line = [b"data: ".as_slice(), &vec![b'x'; 1000], b"\n"].concat();
        assert!((0..400).any(|_| reader.push(&line, &mut events) == Err(TooLong)));
    }
}
