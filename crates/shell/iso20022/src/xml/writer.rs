//! Writing: elements, attributes and escaped text on one line, nothing else.

/// Collects the XML of one message.
#[derive(Debug, Default)]
pub struct Writer {
    text: String,
    /// Namespace to declare on the next start tag.
    declare: Option<&'static str>,
}

impl Writer {
    /// An empty writer with room for a usual message.
    pub fn new() -> Self {
        Self { text: String::with_capacity(4096), declare: None }
    }

    /// What was written.
    pub fn into_string(self) -> String {
        self.text
    }

    /// `<name>`.
    pub fn start(&mut self, name: &str) {
        self.text.push('<');
        self.text.push_str(name);
        if let Some(namespace) = self.declare.take() {
            self.text.push_str(" xmlns=\"");
            self.text.push_str(namespace);
            self.text.push('"');
        }
        self.text.push('>');
    }

    /// Makes `namespace` the default from the next start tag on, to that element's end.
    pub(crate) fn declare_next(&mut self, namespace: &'static str) {
        self.declare = Some(namespace);
    }

    /// `<name attribute="value">`.
    pub fn start_with(&mut self, name: &str, attribute: &str, value: &str) {
        self.text.push('<');
        self.text.push_str(name);
        self.text.push(' ');
        self.text.push_str(attribute);
        self.text.push_str("=\"");
        self.escaped(value, true);
        self.text.push_str("\">");
    }

    /// `</name>`.
    pub fn end(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }

    /// Text between tags.
    pub fn text(&mut self, text: &str) {
        self.escaped(text, false);
    }

    /// `<name>text</name>`.
    pub fn leaf(&mut self, name: &str, text: &str) {
        self.start(name);
        self.text(text);
        self.end(name);
    }

    /// XML that is well-formed already.
    pub(crate) fn raw(&mut self, xml: &str) {
        self.text.push_str(xml);
    }

    fn escaped(&mut self, text: &str, in_attribute: bool) {
        let mut rest = text;
        while let Some(at) = rest.bytes().position(|b| matches!(b, b'&' | b'<' | b'>' | b'\r' | b'"' | b'\t' | b'\n')) {
            self.text.push_str(&rest[..at]);
            let byte = rest.as_bytes()[at];
            match byte {
                b'&' => self.text.push_str("&amp;"),
                b'<' => self.text.push_str("&lt;"),
                b'>' => self.text.push_str("&gt;"),
                b'\r' => self.text.push_str("&#13;"),
                b'"' if in_attribute => self.text.push_str("&quot;"),
                // One line for ever: server-sent events and logs cut at line ends.
                b'\n' => self.text.push_str("&#10;"),
                b'\t' if in_attribute => self.text.push_str("&#9;"),
                other => self.text.push(other as char),
            }
            rest = &rest[at + 1..];
        }
        self.text.push_str(rest);
    }
}
