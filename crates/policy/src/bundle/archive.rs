//! Files packed into a `tar.gz`, and out of one that somebody else made.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use flate2::bufread::GzDecoder;
use flate2::{Compression, GzBuilder};
use kitelogik_core::text::{is_hidden, visible};
use tar::{Archive, EntryType, Header};

/// A bundle is not larger, packed or unpacked: a small archive can unpack to any size.
pub(super) const MAX_BYTES: u64 = 64 * 1024 * 1024;
const MAX_FILES: usize = 10_000;
const MAX_DEPTH: usize = 32;

/// A file of a bundle, its path without a leading slash.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
}

impl File {
    pub(super) fn new(path: &str, text: String) -> Self {
        Self {
            path: path.to_owned(),
            text,
        }
    }
}

/// The files in `bytes`; what is wrong, if they are not all plain.
pub(super) fn unpack(bytes: &[u8]) -> Result<Vec<File>, String> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large());
    }
    let mut limited = GzDecoder::new(bytes).take(MAX_BYTES + 1);
    let unpacked = read_entries(&mut limited);
    if limited.limit() == 0 {
        return Err(too_large());
    }
    let files = unpacked?;
    // After the archive there is padding, and nothing else.
    let mut rest = Vec::new();
    limited
        .read_to_end(&mut rest)
        .map_err(|error| broken(&error))?;
    if limited.limit() == 0 {
        return Err(too_large());
    }
    if rest.iter().any(|byte| *byte != 0) || !limited.into_inner().into_inner().is_empty() {
        return Err("goes on after its end".to_owned());
    }
    Ok(files)
}

fn read_entries(reader: &mut impl Read) -> Result<Vec<File>, String> {
    let mut archive = Archive::new(reader);
    let mut files = Vec::new();
    // Some file systems do not tell letters by their case; whoever unpacks there must not get another file.
    let mut paths: BTreeMap<String, String> = BTreeMap::new();
    for (count, entry) in archive
        .entries()
        .map_err(|error| broken(&error))?
        .enumerate()
    {
        if count == MAX_FILES {
            return Err(format!("holds more than {MAX_FILES} files"));
        }
        let mut entry = entry.map_err(|error| broken(&error))?;
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            continue;
        }
        let path = read_path(&entry.path_bytes(), kind == EntryType::Directory)?;
        match kind {
            EntryType::Directory => continue,
            EntryType::Regular => {}
            _ => {
                return Err(format!(
                    "holds `{path}`, which is a link or something else that is no file"
                ));
            }
        }
        if let Some(known) = paths.insert(path.to_lowercase(), path.clone()) {
            return Err(format!(
                "holds `{known}` and `{path}`: one of them would hide the other"
            ));
        }
        let mut content = Vec::new();
        entry
            .read_to_end(&mut content)
            .map_err(|error| broken(&error))?;
        let text = String::from_utf8(content)
            .map_err(|_| format!("holds `{path}`, which is not UTF-8"))?;
        files.push(File { path, text });
    }
    Ok(files)
}

/// A path that stays within the bundle whoever reads it.
fn read_path(bytes: &[u8], directory: bool) -> Result<String, String> {
    let refused = |path: &str| {
        format!(
            "holds a file at `{}`, which is no plain path",
            visible(path)
        )
    };
    let path = str::from_utf8(bytes).map_err(|_| refused(&String::from_utf8_lossy(bytes)))?;
    let mut inner = path.strip_prefix("./").unwrap_or(path);
    inner = inner.strip_prefix('/').unwrap_or(inner);
    if directory {
        inner = inner.strip_suffix('/').unwrap_or(inner);
        if inner.is_empty() || inner == "." {
            return Ok(String::new());
        }
    }
    let parts: Vec<&str> = inner.split('/').collect();
    let plain = |part: &&str| {
        !part.is_empty()
            && *part != "."
            && *part != ".."
            && !part.contains(['\\', ':'])
            && !part.chars().any(is_hidden)
    };
    if parts.len() > MAX_DEPTH || !parts.iter().all(plain) {
        return Err(refused(path));
    }
    Ok(inner.to_owned())
}

/// A path for a module of this place: what no file could be called is left out.
pub(super) fn plain_path(place: &str) -> String {
    let parts: Vec<String> = place
        .split(['/', '\\'])
        .map(|part| {
            part.chars()
                .map(|letter| {
                    if letter.is_ascii_alphanumeric() || "-_. ()".contains(letter) {
                        letter
                    } else {
                        '_'
                    }
                })
                .collect::<String>()
        })
        .filter(|part| !part.trim_matches('.').is_empty())
        .collect();
    let path = parts.join("/");
    let stem = path.strip_suffix(".rego").unwrap_or(&path);
    if stem.is_empty() {
        return "module.rego".to_owned();
    }
    // Leading dots are for hidden files.
    format!("{}.rego", stem.trim_start_matches('.'))
}

/// The archive of `files`: the same bytes for the same files, whoever packs them and when.
pub(super) fn pack(files: &[File]) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("cannot be packed: {error}");
    let mut size = 0;
    let mut builder = tar::Builder::new(Vec::new());
    for file in files {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(file.text.len() as u64);
        size += file.text.len() as u64;
        builder
            .append_data(&mut header, &file.path, file.text.as_bytes())
            .map_err(failed)?;
    }
    if size > MAX_BYTES || files.len() > MAX_FILES {
        return Err(format!(
            "would be too large: {MAX_FILES} files and 64 MiB are the limit"
        ));
    }
    let archive = builder.into_inner().map_err(failed)?;
    let mut packed = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::best());
    packed.write_all(&archive).map_err(failed)?;
    packed.finish().map_err(failed)
}

fn broken(error: &std::io::Error) -> String {
    format!("is no `tar.gz` archive, or a damaged one: {error}")
}

fn too_large() -> String {
    "is larger than 64 MiB, the limit for a bundle".to_owned()
}
