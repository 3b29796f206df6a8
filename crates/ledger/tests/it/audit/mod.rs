mod chain;
mod crash;
mod faults;
mod opening;
mod record;
mod sinks;
mod tail;
mod world;
