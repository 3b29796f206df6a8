//! Entries of lists, made as the rules compare them, or refused with what they must be.

use std::net::IpAddr;

pub(super) fn plain(text: &str) -> Result<Vec<String>, String> {
    let text = text.trim().to_lowercase();
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    Ok(vec![text])
}

pub(super) fn network(text: &str) -> Result<Vec<String>, String> {
    let wanted = || "must be a network such as `10.0.0.0/8` or `fc00::/7`".to_owned();
    let (address, length) = text.trim().split_once('/').ok_or_else(wanted)?;
    let address: IpAddr = address.parse().map_err(|_| wanted())?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    match length.parse::<u8>() {
        Ok(length) if length <= bits => Ok(vec![format!("{address}/{length}")]),
        _ => Err(wanted()),
    }
}

pub(super) fn host(text: &str) -> Result<Vec<String>, String> {
    let name = text.trim().to_ascii_lowercase();
    let name = name.trim_start_matches("*.").trim_matches('.');
    if name.parse::<IpAddr>().is_ok() {
        return Err("is an address: add it to `blocked_cidrs`, as in `192.0.2.1/32`".to_owned());
    }
    let spelled = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if name.is_empty() || !spelled {
        return Err(
            "must be a host name without scheme and port, in ASCII (`xn--…` for others)".to_owned(),
        );
    }
    Ok(vec![format!(".{name}")])
}

pub(super) fn scheme(text: &str) -> Result<Vec<String>, String> {
    let name = text.trim().to_ascii_lowercase();
    let name = name.trim_end_matches('/').trim_end_matches(':');
    let spelled = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    if name.len() < 2 || !spelled {
        return Err("must be a URL scheme such as `gopher`".to_owned());
    }
    Ok(vec![name.to_owned()])
}

pub(super) fn file_name(text: &str) -> Result<Vec<String>, String> {
    let name = text.trim().to_lowercase();
    let stem = name.strip_prefix('.').unwrap_or(&name);
    if stem.is_empty() || stem.contains(['.', '/', '\\', ':', '~', '#', ' ']) {
        return Err(
            "must be one part of a file name: a stem (`id_rsa`), or an extension or dotfile with its dot (`.pem`)"
                .to_owned(),
        );
    }
    Ok(vec![name])
}

pub(super) fn directory(text: &str) -> Result<Vec<String>, String> {
    let mut path = clean(text);
    if !path.starts_with('/') {
        return Err("must be an absolute path".to_owned());
    }
    if !path.ends_with('/') {
        path.push('/');
    }
    Ok(vec![path])
}

/// The path, and each of its tails: which directory a relative path starts from is not known here.
pub(super) fn protected(text: &str) -> Result<Vec<String>, String> {
    let path = clean(text);
    let path = path.trim_end_matches('/');
    if path.is_empty() {
        return Err("must be the path of a file or a directory, not of everything".to_owned());
    }
    let file = path
        .rsplit('/')
        .next()
        .is_some_and(|name| name.contains('.'));
    let end = if file { "" } else { "/" };
    let mut entries = vec![format!("{path}{end}")];
    let mut rest = path.trim_start_matches('/');
    loop {
        entries.push(format!("{rest}{end}"));
        match rest.split_once('/') {
            Some((_, tail)) => rest = tail,
            None => return Ok(entries),
        }
    }
}

/// A path as the rules compare it: lower case, slashes, no drive, no `.` and no empty components.
pub(super) fn clean(text: &str) -> String {
    let text = text.trim().to_lowercase().replace('\\', "/");
    let text = text.strip_prefix("//?/").unwrap_or(&text);
    let text = match text.split_once(':') {
        Some((drive, rest)) if drive.len() == 1 => rest,
        _ => text,
    };
    let rooted = text.starts_with('/');
    let kept: Vec<&str> = text
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    let joined = kept.join("/");
    if rooted { format!("/{joined}") } else { joined }
}
