//! Reads one official XSD into a plain model. Knows exactly the constructs ISO 20022 uses; anything else is an error, so
//! that a schema is never half understood.

use anyhow::{Context, Result, bail, ensure};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::BTreeMap;
use std::path::Path;

/// One XSD.
pub struct Schema {
    /// Such as `pacs.008.001.08`.
    pub id: String,
    pub namespace: String,
    /// Name and type of the root element.
    pub root: (String, String),
    pub types: BTreeMap<String, Type>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    Simple(Simple),
    Sequence(Vec<Child>),
    Choice(Vec<Child>),
    /// Text with one attribute.
    Content {
        base: String,
        attribute: String,
        attribute_type: String,
    },
    /// One wildcard element.
    Any {
        namespace: String,
        lax: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Simple {
    pub base: String,
    pub patterns: Vec<String>,
    pub enumeration: Vec<String>,
    /// minLength, maxLength, totalDigits, fractionDigits, minInclusive.
    pub numbers: BTreeMap<String, i64>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Child {
    pub name: String,
    pub type_name: String,
    pub min: u32,
    /// `None`: unbounded.
    pub max: Option<u32>,
}

/// An element of the XSD itself.
struct Node {
    name: String,
    attributes: BTreeMap<String, String>,
    children: Vec<Node>,
}

impl Node {
    fn get(&self, attribute: &str) -> Result<&str> {
        self.attributes.get(attribute).map(String::as_str).with_context(|| format!("{} lacks {attribute}", self.name))
    }

    /// The one child.
    fn only(&self) -> Result<&Node> {
        ensure!(self.children.len() == 1, "{} has {} children, not one", self.name, self.children.len());
        Ok(&self.children[0])
    }

    fn allow(&self, attributes: &[&str]) -> Result<()> {
        match self.attributes.keys().find(|name| !attributes.contains(&name.as_str())) {
            Some(name) => bail!("{} has the attribute {name}, which the generator does not know", self.name),
            None => Ok(()),
        }
    }
}

pub fn read(path: &Path) -> Result<Schema> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    schema(&tree(&text)?).with_context(|| path.display().to_string())
}

fn tree(text: &str) -> Result<Node> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut open = vec![Node { name: String::new(), attributes: BTreeMap::new(), children: vec![] }];
    loop {
        match reader.read_event()? {
            Event::Start(start) => open.push(node(&start)?),
            Event::End(_) => {
                let done = open.pop().context("an end without a start")?;
                open.last_mut().context("an end without a start")?.children.push(done);
            }
            Event::Eof => break,
            Event::Text(text) => ensure!(text.bytes().all(|byte| byte.is_ascii_whitespace()), "text in a schema"),
            Event::Decl(_) | Event::Comment(_) => {}
            other => bail!("{other:?} in a schema"),
        }
    }
    open.remove(0).children.into_iter().next().context("no root")
}

fn node(start: &BytesStart<'_>) -> Result<Node> {
    let mut attributes = BTreeMap::new();
    for attribute in start.attributes() {
        let attribute = attribute?;
        let name = attribute.key.as_ref().to_owned();
        let value = attribute.value.clone().into_owned();
        ensure!(!value.contains('&'), "a reference in an attribute");
        attributes.insert(name, value);
    }
    let name = start.name().as_ref().to_owned();
    Ok(Node { name, attributes, children: vec![] })
}

fn schema(root: &Node) -> Result<Schema> {
    ensure!(root.name == "xs:schema" && root.get("elementFormDefault")? == "qualified", "not an ISO 20022 schema");
    let namespace = root.get("targetNamespace")?.to_owned();
    ensure!(root.get("xmlns")? == namespace, "the default namespace is not the target");
    let id = namespace.rsplit(':').next().unwrap_or_default().to_owned();
    let mut root_element = None;
    let mut types = BTreeMap::new();
    for child in &root.children {
        match child.name.as_str() {
            "xs:element" => {
                let found = (child.get("name")?.to_owned(), child.get("type")?.to_owned());
                ensure!(root_element.replace(found).is_none(), "two root elements");
            }
            "xs:simpleType" => {
                types.insert(child.get("name")?.to_owned(), Type::Simple(simple(child.only()?)?));
            }
            "xs:complexType" => {
                let name = child.get("name")?;
                types.insert(name.to_owned(), complex(child).with_context(|| name.to_owned())?);
            }
            other => bail!("{other} at the top of a schema"),
        }
    }
    Ok(Schema { id, namespace, root: root_element.context("no root element")?, types })
}

fn simple(restriction: &Node) -> Result<Simple> {
    ensure!(restriction.name == "xs:restriction", "{} in a simple type", restriction.name);
    let mut simple = Simple { base: restriction.get("base")?.to_owned(), ..Simple::default() };
    for facet in &restriction.children {
        let value = facet.get("value")?;
        match facet.name.as_str() {
            "xs:pattern" => simple.patterns.push(value.to_owned()),
            "xs:enumeration" => simple.enumeration.push(value.to_owned()),
            "xs:minLength" | "xs:maxLength" | "xs:totalDigits" | "xs:fractionDigits" | "xs:minInclusive" => {
                simple.numbers.insert(facet.name[3..].to_owned(), value.parse()?);
            }
            other => bail!("the facet {other}"),
        }
    }
    Ok(simple)
}

fn complex(node: &Node) -> Result<Type> {
    node.allow(&["name"])?;
    let content = node.only()?;
    content.allow(&[])?;
    match content.name.as_str() {
        "xs:sequence" if content.children.iter().any(|child| child.name == "xs:any") => any(content.only()?),
        "xs:sequence" => content.children.iter().map(element).collect::<Result<_>>().map(Type::Sequence),
        "xs:choice" => {
            let children = content.children.iter().map(element).collect::<Result<Vec<_>>>()?;
            ensure!(children.iter().all(|child| child.min == 1), "an alternative that may be absent");
            Ok(Type::Choice(children))
        }
        "xs:simpleContent" => {
            let extension = content.only()?;
            let attribute = extension.only()?;
            ensure!(extension.name == "xs:extension" && attribute.name == "xs:attribute", "simple content of another kind");
            ensure!(attribute.get("use")? == "required", "an optional attribute");
            Ok(Type::Content {
                base: extension.get("base")?.to_owned(),
                attribute: attribute.get("name")?.to_owned(),
                attribute_type: attribute.get("type")?.to_owned(),
            })
        }
        other => bail!("{other} in a complex type"),
    }
}

fn any(node: &Node) -> Result<Type> {
    node.allow(&["namespace", "processContents"])?;
    let lax = match node.get("processContents")? {
        "lax" => true,
        "skip" => false,
        other => bail!("processContents={other}"),
    };
    Ok(Type::Any { namespace: node.get("namespace")?.to_owned(), lax })
}

fn element(node: &Node) -> Result<Child> {
    ensure!(node.name == "xs:element", "{} among elements", node.name);
    node.allow(&["name", "type", "minOccurs", "maxOccurs"])?;
    let number = |name: &str| node.attributes.get(name).map(String::as_str).unwrap_or("1");
    let max = match number("maxOccurs") {
        "unbounded" => None,
        number => Some(number.parse()?),
    };
    Ok(Child {
        name: node.get("name")?.to_owned(),
        type_name: node.get("type")?.to_owned(),
        min: number("minOccurs").parse()?,
        max,
    })
}
