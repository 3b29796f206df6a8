//! A body that runs cannot be made up, nor counted twice.
use kitelogik_opa::Running;

fn twice(running: Running) -> Running {
    let _made_up = Running {};
    Running { ..running }
}

fn main() {}
