//! YAML as a tree in which every key and value knows where it stands.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use super::report::Report;
use super::scalar::{self, Number};
use super::text::shown;

/// Rules nest a few levels; every reader of the tree recurses.
const MAX_DEPTH: usize = 64;
/// How many nodes aliases may stand for, all together: a few lines of aliases of aliases could fill the memory.
const MAX_COPIED: usize = 100_000;

/// A line and a column, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// What was reported already; nothing more is to be said about it.
    Faulty,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) key: String,
    pub(crate) value: Node,
}

impl Value {
    /// What it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
            Self::Faulty => "something unreadable",
        }
    }

    fn nodes(&self) -> usize {
        match self {
            Self::List(items) => items.iter().map(|item| 1 + item.value.nodes()).sum(),
            Self::Map(entries) => entries
                .iter()
                .map(|entry| 2 + entry.value.value.nodes())
                .sum(),
            _ => 0,
        }
    }
}

/// The document in `text`; `None` where there is none, or where it cannot be read to its end.
///
/// Duplicate keys, tags, merge keys, and scalars that YAML readers disagree on are reported; the rest of the document
/// is still read.
pub(crate) fn parse(text: &str, report: &mut Report) -> Option<Node> {
    let mut tree = Tree {
        report,
        open: Vec::new(),
        anchors: HashMap::new(),
        copied: 0,
        root: None,
    };
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => tree.event(event, place(&span.start))?,
            Err(error) => {
                tree.report.error(
                    place(error.marker()),
                    format!("this is not valid YAML: {}", error.info()),
                );
                return None;
            }
        }
    }
    if tree.root.is_none() {
        tree.report.error(
            Place { line: 1, column: 1 },
            "there is nothing here: a rules file starts with `version: 1` and has `rules`"
                .to_owned(),
        );
    }
    tree.root
}

/// Whether `text` is meant as rules: a mapping with `rules` or `version` at its top, or no YAML that could be anything
/// else.
pub(crate) fn is_rules(text: &str) -> bool {
    let mut depth = 0_usize;
    let mut key = true;
    for event in Parser::new_from_str(text) {
        match event {
            Err(_) => return true,
            Ok((Event::MappingStart(..) | Event::SequenceStart(..), _)) => depth += 1,
            Ok((Event::MappingEnd | Event::SequenceEnd, _)) => {
                depth = depth.saturating_sub(1);
                if depth == 1 {
                    key = !key;
                }
            }
            Ok((Event::Scalar(text, ..), _)) if depth == 1 => {
                if key && matches!(&*text, "rules" | "version") {
                    return true;
                }
                key = !key;
            }
            Ok((Event::Alias(_), _)) if depth == 1 => key = !key,
            Ok(_) => {}
        }
    }
    false
}

fn place(marker: &Marker) -> Place {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Place {
        line: number(marker.line()),
        column: number(marker.col()).saturating_add(1),
    }
}

struct Tree<'a> {
    report: &'a mut Report,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    copied: usize,
    root: Option<Node>,
}

/// A list or mapping that is being read.
struct Open {
    place: Place,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        key: Option<Key>,
        seen: HashMap<String, Place>,
    },
}

/// A key whose value is to come; `name` is `None` where it is unusable, and reported.
struct Key {
    place: Place,
    name: Option<String>,
}

impl Tree<'_> {
    /// `None` where reading must stop.
    fn event(&mut self, event: Event<'_>, place: Place) -> Option<()> {
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                self.report.error(
                    place,
                    "a second document: write all rules under one `rules`, or into another file"
                        .to_owned(),
                );
                return None;
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = if tag.is_some() {
                    self.tag(place);
                    Value::Faulty
                } else if style == ScalarStyle::Plain {
                    scalar::resolve(&text).unwrap_or_else(|problem| {
                        self.report.error(place, problem);
                        Value::Faulty
                    })
                } else {
                    Value::Text(text.into_owned())
                };
                self.close(Node { place, value }, anchor)?;
            }
            Event::SequenceStart(anchor, tag) => {
                if tag.is_some() {
                    self.tag(place);
                }
                self.start(place, anchor, Content::List(Vec::new()))?;
            }
            Event::MappingStart(anchor, tag) => {
                if tag.is_some() {
                    self.tag(place);
                }
                let content = Content::Map {
                    entries: Vec::new(),
                    key: None,
                    seen: HashMap::new(),
                };
                self.start(place, anchor, content)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Open {
                    place,
                    anchor,
                    content,
                } = self.open.pop()?;
                let value = match content {
                    Content::List(items) => Value::List(items),
                    Content::Map { entries, .. } => Value::Map(entries),
                };
                self.close(Node { place, value }, anchor)?;
            }
            Event::Alias(anchor) => {
                let node = match self.anchors.get(&anchor) {
                    Some(node) => node.clone(),
                    None => {
                        self.report.error(
                            place,
                            "this alias stands within what it stands for: write the value out"
                                .to_owned(),
                        );
                        Node {
                            place,
                            value: Value::Faulty,
                        }
                    }
                };
                self.copied(place, &node)?;
                self.close(node, 0)?;
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
        }
        Some(())
    }

    fn tag(&mut self, place: Place) {
        self.report.error(
            place,
            "tags such as `!!str` are not read: quote the value to make it text".to_owned(),
        );
    }

    fn start(&mut self, place: Place, anchor: usize, content: Content) -> Option<()> {
        if self.open.len() >= MAX_DEPTH {
            self.report
                .error(place, format!("nested deeper than {MAX_DEPTH} levels"));
            return None;
        }
        self.open.push(Open {
            place,
            anchor,
            content,
        });
        Some(())
    }

    fn copied(&mut self, place: Place, node: &Node) -> Option<()> {
        self.copied = self.copied.saturating_add(1 + node.value.nodes());
        if self.copied > MAX_COPIED {
            self.report.error(
                place,
                format!("anchors and aliases stand for more than {MAX_COPIED} values: write the values out"),
            );
            return None;
        }
        Some(())
    }

    /// Puts a whole node where it belongs.
    fn close(&mut self, node: Node, anchor: usize) -> Option<()> {
        if anchor != 0 {
            self.copied(node.place, &node)?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Some(());
        };
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map { entries, key, seen } => match key.take() {
                None => *key = Some(name(node, seen, self.report)),
                Some(Key {
                    place,
                    name: Some(key),
                }) => entries.push(Entry {
                    place,
                    key,
                    value: node,
                }),
                Some(_) => {}
            },
        }
        Some(())
    }
}

/// `node` as a key that was not there before.
fn name(node: Node, seen: &mut HashMap<String, Place>, report: &mut Report) -> Key {
    let place = node.place;
    let problem = match node.value {
        Value::Text(name) if name == "<<" => {
            "merge keys (`<<`) are not read: write the keys out".to_owned()
        }
        Value::Text(name) => match seen.get(&name) {
            None => {
                seen.insert(name.clone(), place);
                return Key {
                    place,
                    name: Some(name),
                };
            }
            Some(first) => format!(
                "the key {} is given twice, first in line {}: keep one of them",
                shown(&name),
                first.line
            ),
        },
        Value::Number(number) => format!(
            "a key must be text: write `\"{0}\"` instead of `{0}`",
            number.text
        ),
        Value::Bool(value) => {
            format!("a key must be text: write `\"{value}\"` instead of `{value}`")
        }
        Value::Faulty => {
            return Key { place, name: None };
        }
        other => format!("a key must be text, and this is {}", other.kind()),
    };
    report.error(place, problem);
    Key { place, name: None }
}
