//! `net.cidr_*` over the addresses that OPA reads, and no others.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use anyhow::{Result, bail};
use regorus::Value;
use regorus::unstable::BUILTINS;

use super::allowance::bounded_elements;
use super::builtins::{call, text_operand};
use super::registry::Registry;

pub(super) fn register(registry: &mut impl Registry) -> Result<()> {
    let (Some(contains), Some(expand)) = (
        BUILTINS.get("net.cidr_contains").copied(),
        BUILTINS.get("net.cidr_expand").copied(),
    ) else {
        bail!("there are no built-ins `net.cidr_contains` and `net.cidr_expand` to replace");
    };
    registry.add("net.cidr_is_valid", 1, |values: Vec<Value>| {
        Ok(Value::from(is_network(text_operand(&values, 0)?)))
    })?;
    registry.add("net.cidr_contains", 2, move |values: Vec<Value>| {
        let (network, part) = (text_operand(&values, 0)?, text_operand(&values, 1)?);
        let part_is_read = is_network(part) || part.parse::<IpAddr>().is_ok();
        if !is_network(network) || !part_is_read {
            bail!("`{network}` is no network, or `{part}` is neither a network nor an address");
        }
        call(
            contains,
            &[in_its_own_spelling(network), in_its_own_spelling(part)],
        )
    })?;
    registry.add("net.cidr_expand", 1, move |values: Vec<Value>| {
        let network = text_operand(&values, 0)?;
        if !is_network(network) {
            bail!("`{network}` is no network");
        }
        cidr(network)?;
        match call(expand, &[in_its_own_spelling(network)])? {
            Value::Array(addresses) => Ok(Value::from(
                addresses.iter().cloned().collect::<BTreeSet<_>>(),
            )),
            addresses => Ok(addresses),
        }
    })
}

/// An address, a slash and how many bits count.
fn is_network(network: &str) -> bool {
    let Some((address, length)) = network.split_once('/') else {
        return false;
    };
    let bits = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    let digits = length.len() <= 3 && length.bytes().all(|digit| digit.is_ascii_digit());
    digits && length.parse::<u8>().is_ok_and(|length| length <= bits)
}

fn cidr(network: &str) -> Result<()> {
    let Some((address, length)) = network.split_once('/') else {
        return Ok(());
    };
    let bits: u32 = if address.contains(':') { 128 } else { 32 };
    let hosts = length
        .trim()
        .parse()
        .ok()
        .and_then(|length: u32| bits.checked_sub(length))
        .and_then(|free| 1_u64.checked_shl(free));
    bounded_elements(
        hosts
            .and_then(|hosts| hosts.try_into().ok())
            .unwrap_or(usize::MAX),
    )
}

/// OPA takes an IPv4 address that is written as an IPv6 one (`::ffff:10.1.2.3`) for what it is; a
/// rule that denies `10.0.0.0/8` must not be got around by that spelling.
fn in_its_own_spelling(network: &str) -> Value {
    as_ipv4(network).map_or_else(|| Value::from(network), Value::from)
}

/// An address or network of mapped IPv4 addresses, as IPv4.
fn as_ipv4(network: &str) -> Option<String> {
    let (address, length) = match network.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (network, None),
    };
    let address = address.parse::<Ipv6Addr>().ok()?.to_ipv4_mapped()?;
    match length {
        None => Some(address.to_string()),
        Some(length) => {
            let length = length.parse::<u8>().ok()?.checked_sub(96)?;
            Some(format!("{address}/{length}"))
        }
    }
}
