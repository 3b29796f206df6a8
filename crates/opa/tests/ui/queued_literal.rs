//! What waits for its turn cannot be made up: a body that runs would be made to look as if it had not begun.
use kitelogik_opa::{Queued, Running};

fn made_up(waiting: Running) -> Running {
    Queued { waiting }.begin()
}

fn main() {}
