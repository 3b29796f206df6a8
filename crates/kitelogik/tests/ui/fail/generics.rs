use kitelogik::governed;

#[governed]
async fn store<T>(item: T) -> String
where
    T: ToString,
{
    item.to_string()
}

#[governed]
async fn length<'a>(text: &'a str) -> usize {
    text.len()
}

#[governed]
async fn sized<const N: usize>(count: u8) {}

fn main() {}
