//! The bytes that are hashed: one text for one entry.
//!
//! ```text
//! version    1 byte    1
//! kind       1 byte    EntryKind::code
//! writer     8 bytes   unsigned, big-endian, as all numbers
//! sequence   8 bytes   1 for a writer's first entry, then one more each
//! previous  32 bytes   the hash of the writer's entry before; zeros for the first
//! at         8 bytes   milliseconds since 1970, signed
//! fields               tag (1 byte), length (4 bytes), so many bytes; tags strictly ascending
//! ```
//!
//! A field that is absent is left out. A text is UTF-8, a number 8 bytes, a digest 32 bytes, a
//! flag one byte, 1, left out where it is not set; a list is, for each text, its length (4 bytes) and the text, and is left out where it
//! is empty. The hash of an entry is the SHA-256 of all these bytes. The tags stand in `content.rs`.

use crate::hex::Hex;
use crate::key::Digest;
use crate::time::Timestamp;

use super::content::{Columns, Content, EntryKind, JsonText, rule_name};

/// The version of the encoding that is written.
pub const ENCODING: u8 = 1;

/// How many bytes stand before the fields.
pub(crate) const HEADER: usize = 58;

/// Why bytes are not an encoded entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodingError {
    /// Another version.
    #[error("is encoded in version {0}, which this program does not know")]
    Version(u8),
    /// No such kind.
    #[error("is of the unknown kind {0}")]
    Kind(u8),
    /// The bytes end within a field.
    #[error("ends too early")]
    Short,
    /// A field that this version does not have, has twice, or has in another order.
    #[error("has field {0} where it does not belong")]
    Tag(u8),
    /// A field whose bytes are not of its type.
    #[error("has field {0} in another form than its own")]
    Form(u8),
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) writer: u64,
    pub(crate) sequence: u64,
    pub(crate) previous: Digest,
}

/// All bytes of an entry, of which `fields` are encoded already.
pub(crate) fn assemble(place: &Place, kind: EntryKind, at: Timestamp, fields: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER.saturating_add(fields.len()));
    bytes.push(ENCODING);
    bytes.push(kind.code());
    bytes.extend_from_slice(&place.writer.to_be_bytes());
    bytes.extend_from_slice(&place.sequence.to_be_bytes());
    bytes.extend_from_slice(place.previous.bytes());
    bytes.extend_from_slice(&at.millis().to_be_bytes());
    bytes.extend_from_slice(fields);
    bytes
}

/// Reads what [`assemble`] wrote, and nothing else.
pub(crate) fn decode(bytes: &[u8]) -> Result<(Place, Content), EncodingError> {
    let mut reader = Reader(bytes);
    let (kind, place, at) = reader.header()?;
    let mut content = Content::new(kind, at);
    let mut last = 0;
    while !reader.0.is_empty() {
        let [tag] = reader.array()?;
        if tag <= last {
            return Err(EncodingError::Tag(tag));
        }
        last = tag;
        content.read_field(tag, reader.sized()?)?;
    }
    Ok((place, content))
}

/// The tag of a decision's id.
pub(crate) const DECISION_ID: u8 = 10;

/// An encoded entry, looked at where it lies: what verifying many needs of each.
pub(crate) struct Glance<'a> {
    pub(crate) place: Place,
    pub(crate) kind: EntryKind,
    at: i64,
    fields: &'a [u8],
}

impl<'a> Glance<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Result<Self, EncodingError> {
        let mut reader = Reader(bytes);
        let (kind, place, at) = reader.header()?;
        let fields = reader.0;
        let mut last = 0;
        while !reader.0.is_empty() {
            let [tag] = reader.array()?;
            if tag <= last {
                return Err(EncodingError::Tag(tag));
            }
            last = tag;
            reader.sized()?;
        }
        Ok(Self {
            place,
            kind,
            at: at.millis(),
            fields,
        })
    }

    /// The text of a field.
    pub(crate) fn text(&self, wanted: u8) -> Option<String> {
        let (_, bytes) = self.fields().find(|(tag, _)| *tag == wanted)?;
        std::str::from_utf8(bytes).ok().map(str::to_owned)
    }

    /// Whether `columns` say what the entry says.
    pub(crate) fn is_found_by(&self, columns: &Columns) -> bool {
        if columns.kind != i64::from(self.kind.code()) || columns.at != self.at {
            return false;
        }
        let mut texts = columns.texts();
        let mut refers = columns.refers.map(i64::to_be_bytes);
        let mut rules = String::new();
        let mut rule = None;
        for (tag, bytes) in self.fields() {
            match tag {
                43 => rule = std::str::from_utf8(bytes).ok(),
                44 => {
                    for name in <Vec<String> as Field>::read(bytes).unwrap_or_default() {
                        rules.push_str(&rule_name(&name));
                    }
                }
                60 => {
                    if refers.take().is_none_or(|refers| refers != bytes) {
                        return false;
                    }
                }
                tag => {
                    if let Some((_, text)) = texts.iter_mut().find(|(own, _)| *own == tag)
                        && text.take().is_none_or(|text| text.as_bytes() != bytes)
                    {
                        return false;
                    }
                }
            }
        }
        if let Some(rule) = rule {
            rules.push_str(&rule_name(rule));
        }
        refers.is_none()
            && texts.iter().all(|(_, text)| text.is_none())
            && columns.rules.as_deref().unwrap_or_default() == rules
    }

    /// The fields; that they are whole is known.
    fn fields(&self) -> impl Iterator<Item = (u8, &'a [u8])> {
        let mut reader = Reader(self.fields);
        std::iter::from_fn(move || {
            let [tag] = reader.array().ok()?;
            Some((tag, reader.sized().ok()?))
        })
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], EncodingError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(EncodingError::Short)?;
        self.0 = rest;
        Ok(*array)
    }

    fn header(&mut self) -> Result<(EntryKind, Place, Timestamp), EncodingError> {
        let [version] = self.array()?;
        if version != ENCODING {
            return Err(EncodingError::Version(version));
        }
        let [code] = self.array()?;
        let kind = EntryKind::from_code(code).ok_or(EncodingError::Kind(code))?;
        let place = Place {
            writer: u64::from_be_bytes(self.array()?),
            sequence: u64::from_be_bytes(self.array()?),
            previous: Hex::new(self.array()?),
        };
        let at = Timestamp::from_millis(i64::from_be_bytes(self.array()?));
        Ok((kind, place, at))
    }

    fn sized(&mut self) -> Result<&'a [u8], EncodingError> {
        let length = u32::from_be_bytes(self.array()?);
        let length = usize::try_from(length).map_err(|_| EncodingError::Short)?;
        let (bytes, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(EncodingError::Short)?;
        self.0 = rest;
        Ok(bytes)
    }
}

/// What a field can hold.
pub(crate) trait Field: Sized {
    /// Appends the field, unless it is absent.
    fn write(&self, tag: u8, out: &mut Vec<u8>);

    /// Reads the bytes of a field that is there; None where they are not of its type.
    fn read(bytes: &[u8]) -> Option<Self>;
}

fn put(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    put_sized(bytes, out);
}

/// No field is as long as 4 GiB: what goes in is cut long before.
fn put_sized(bytes: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

impl Field for Option<String> {
    fn write(&self, tag: u8, out: &mut Vec<u8>) {
        if let Some(text) = self {
            put(tag, text.as_bytes(), out);
        }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        std::str::from_utf8(bytes)
            .ok()
            .map(|text| Some(text.to_owned()))
    }
}

impl Field for Option<JsonText> {
    fn write(&self, tag: u8, out: &mut Vec<u8>) {
        if let Some(json) = self {
            put(tag, json.text().as_bytes(), out);
        }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        Some(Some(JsonText::from_text(text.to_owned())))
    }
}

impl Field for Option<u64> {
    fn write(&self, tag: u8, out: &mut Vec<u8>) {
        if let Some(number) = self {
            put(tag, &number.to_be_bytes(), out);
        }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        Some(Some(u64::from_be_bytes(bytes.try_into().ok()?)))
    }
}

impl Field for Option<Timestamp> {
    fn write(&self, tag: u8, out: &mut Vec<u8>) {
        if let Some(time) = self {
            put(tag, &time.millis().to_be_bytes(), out);
        }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let millis = i64::from_be_bytes(bytes.try_into().ok()?);
        Some(Some(Timestamp::from_millis(millis)))
    }
}

impl<const N: usize> Field for Option<Hex<N>> {
    fn write(&self, tag: u8, out: &mut Vec<u8>) {
        if let Some(digest) = self {
            put(tag, digest.bytes(), out);
        }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        Some(Some(Hex::new(bytes.try_into().ok()?)))
    }
}

impl Field for bool {
    fn write(&self, tag: u8, out: &mut Vec<u8>) {
        if *self {
            put(tag, &[1], out);
        }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        (bytes == [1]).then_some(true)
    }
}

impl Field for Vec<String> {
    fn write(&self, tag: u8, out: &mut Vec<u8>) {
        if self.is_empty() {
            return;
        }
        let mut list = Vec::new();
        for text in self {
            put_sized(text.as_bytes(), &mut list);
        }
        put(tag, &list, out);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let mut list = Self::new();
        while !reader.0.is_empty() {
            let text = std::str::from_utf8(reader.sized().ok()?).ok()?;
            list.push(text.to_owned());
        }
        (!list.is_empty()).then_some(list)
    }
}
