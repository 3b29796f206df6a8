use clap::Args;

use crate::answer::{Answer, Outcome};
use crate::output::{Output, style};
use crate::store::StoreArguments;

const EXAMPLES: &str = "\
The old key signs a last checkpoint, and both keys sign that the new one takes over from there: what the old key signed
goes on to verify. The new key takes the old one's place in the key file. Keep the new public key elsewhere, for
`kitelogik audit verify --public-key`; with PostgreSQL, give the new file to all machines.

Programs that have the ledger open must open it again: until then they record, and sign no checkpoint. With `--digests`
they cannot ask for approval either, requests that wait are over, and digests of before and after cannot be compared.
`--digests` seals all requests for approval anew, and nobody writes to the ledger until that is done: where there are
many, run `kitelogik audit retain` first.

Exit codes: 0 changed, 2 an error: open the ledger, as with `kitelogik audit checkpoint`, to learn which key holds

Examples:
  kitelogik audit rotate-key
  kitelogik audit rotate-key --digests --json";

/// Change the ledger's key: another signs from here on
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct RotateKey {
    #[command(flatten)]
    store: StoreArguments,
    /// Change the key of digests and of approvals, too, as when it may be known to others
    #[arg(long)]
    digests: bool,
}

pub(super) async fn rotate(arguments: &RotateKey, output: &mut Output) -> Outcome {
    let ledger = arguments.store.open().await?;
    let changed = ledger.rotate_key(arguments.digests).await;
    let closed = ledger.close().await;
    let change = changed?;
    // The change holds, whatever comes of closing: so it is told first.
    if output.is_json() {
        output.json(&change)?;
    } else {
        let key = output.paint(style::PLAIN, change.after);
        output.line(format_args!(
            "{key} signs behind checkpoint {}, in the place of {}",
            change.checkpoint, change.before
        ))?;
    }
    closed?;
    Ok(Answer::Yes)
}
