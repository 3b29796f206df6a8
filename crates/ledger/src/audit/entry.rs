use serde::{Deserialize, Serialize};

use crate::LedgerError;
use crate::key::{Digest, sha256};

use super::content::Content;
use super::encoding::{self, Place};

/// One entry of a writer's chain.
///
/// Serialised, it is a line of a JSON Lines export: with it and the encoding (see `ARCHITECTURE.md`)
/// anybody can compute its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditEntry {
    /// The chain it is in.
    pub writer: u64,
    /// Its place there, from 1.
    pub sequence: u64,
    /// The hash of the entry before it; zeros for the first.
    pub previous: Digest,
    /// Its own hash.
    pub hash: Digest,
    /// What it says.
    #[serde(flatten)]
    pub content: Content,
}

impl AuditEntry {
    /// The hash that the entry must have, by all that it says.
    pub fn expected_hash(&self) -> Digest {
        sha256(&self.encoded())
    }

    /// The bytes that are hashed.
    pub fn encoded(&self) -> Vec<u8> {
        encoding::assemble(
            &Place {
                writer: self.writer,
                sequence: self.sequence,
                previous: self.previous,
            },
            self.content.kind,
            self.content.at,
            &self.content.encode_fields(),
        )
    }

    /// Reads the entry at a place of the store.
    pub(crate) fn read(
        writer: u64,
        sequence: u64,
        hash: Digest,
        body: &[u8],
    ) -> Result<Self, LedgerError> {
        let wrong = |problem: String| LedgerError::Record {
            writer,
            sequence,
            problem,
        };
        let (place, content) = encoding::decode(body).map_err(|error| wrong(error.to_string()))?;
        if (place.writer, place.sequence) != (writer, sequence) {
            return Err(wrong(format!(
                "holds record {} of writer {}",
                place.sequence, place.writer
            )));
        }
        Ok(Self {
            writer,
            sequence,
            previous: place.previous,
            hash,
            content,
        })
    }
}
