use kitelogik::governed;

#[governed]
unsafe fn raw(address: u64) {}

#[governed]
extern "C" fn exported(number: u64) {}

#[governed]
const fn fixed(number: u64) -> u64 {
    number
}

#[governed]
#[unsafe(no_mangle)]
fn linked(number: u64) {}

#[governed]
fn endless() -> ! {
    loop {}
}

fn main() {}
