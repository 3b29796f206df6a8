use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime;

use super::connection::Connection;

/// Open connections that nobody is using, the last used first.
///
/// Nothing drives a connection while it lies here, so none outlives its runtime by a task, and a
/// connection is only given to the runtime it was made in: another could not drive it.
pub(super) struct Pool {
    idle: Mutex<Vec<Idle>>,
    most: usize,
}

struct Idle {
    connection: Connection,
    runtime: runtime::Id,
    since: Instant,
}

/// A connection unused for longer is closed: gateways forget connections, commonly after a minute.
const MAX_AGE: Duration = Duration::from_secs(30);

impl Pool {
    /// More than `most` connections are not kept.
    pub(super) fn new(most: usize) -> Self {
        Self {
            idle: Mutex::default(),
            most,
        }
    }

    /// A connection that seems to be alive. That the server closed it may show only in its use.
    pub(super) async fn take(&self) -> Option<Connection> {
        let runtime = runtime::Handle::current().id();
        loop {
            let mut connection = {
                let mut idle = self.fresh();
                let position = idle.iter().rposition(|idle| idle.runtime == runtime)?;
                idle.remove(position).connection
            };
            if connection.is_alive().await {
                return Some(connection);
            }
        }
    }

    pub(super) fn put(&self, connection: Connection) {
        let mut idle = self.fresh();
        if idle.len() < self.most {
            idle.push(Idle {
                connection,
                runtime: runtime::Handle::current().id(),
                since: Instant::now(),
            });
        }
    }

    fn fresh(&self) -> MutexGuard<'_, Vec<Idle>> {
        // A list of connections is sound whatever panicked beside it.
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|idle| idle.since.elapsed() < MAX_AGE);
        idle
    }
}
