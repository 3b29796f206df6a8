use kitelogik::governed;

#[governed]
fn send(
    to: String,
    #[cfg(unix)] urgent: bool,
    #[cfg_attr(unix, serde(default))] copy: bool,
    #[range(1)] count: u8,
) {
}

fn main() {}
