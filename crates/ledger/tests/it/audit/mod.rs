mod chain;
mod faults;
mod gate;
mod keys;
mod opening;
mod record;
mod sinks;
mod tail;
pub(crate) mod world;
