use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::task::Wake;

/// Has the system tell when files change.
///
/// It may fail in many ways, and none of them keeps a policy from being reloaded: the files are looked at every polling
/// interval as well.
pub(super) struct Watching {
    target: PathBuf,
    wakes: mpsc::Sender<Wake>,
    watcher: Option<RecommendedWatcher>,
    seen: Option<Identity>,
    failed: Arc<AtomicBool>,
    told: bool,
}

impl Watching {
    pub(super) fn new(target: &Path, wakes: mpsc::Sender<Wake>) -> Self {
        Self {
            target: std::path::absolute(target).unwrap_or_else(|_| target.to_owned()),
            wakes,
            watcher: None,
            seen: None,
            failed: Arc::default(),
            told: false,
        }
    }

    /// Watches anew where the directory has become another one, as a link that leads elsewhere, or one that was
    /// deleted and made again. Blocks; called before each reading, so that no change after it goes unnoticed.
    pub(super) fn renew(&mut self) {
        let identity = Identity::of(&self.target);
        let failed = self.failed.swap(false, Ordering::Relaxed);
        if self.watcher.is_some() && !failed && identity == self.seen {
            return;
        }
        match self.watch() {
            Ok(watcher) => {
                self.watcher = Some(watcher);
                self.seen = identity;
            }
            Err(error) => {
                self.watcher = None;
                if !std::mem::replace(&mut self.told, true) {
                    let path = self.target.display();
                    tracing::warn!(%path, %error, "changes of the policy are not told of; it is polled");
                }
            }
        }
    }

    fn watch(&self) -> notify::Result<RecommendedWatcher> {
        let mut watcher = notify::recommended_watcher(self.listener())?;
        // The directory above tells when this one, or a link of its name, is replaced.
        let parent = self.target.parent().filter(|parent| parent.is_dir());
        let above = parent.map(|parent| watcher.watch(parent, RecursiveMode::NonRecursive));
        if self.target.is_dir() {
            watcher.watch(&self.target, RecursiveMode::Recursive)?;
        } else if let Some(above) = above {
            above?;
        }
        Ok(watcher)
    }

    fn listener(&self) -> impl FnMut(notify::Result<Event>) + Send + 'static {
        let mut targets = vec![self.target.clone()];
        targets.extend(fs::canonicalize(&self.target));
        let wakes = self.wakes.clone();
        let failed = Arc::clone(&self.failed);
        move |event| {
            let concerns = match event {
                // Reading is no change; the reload itself reads.
                Ok(event) if event.kind.is_access() => false,
                Ok(event) => {
                    event.need_rescan() || event.paths.iter().any(|path| concerns(path, &targets))
                }
                Err(_) => {
                    failed.store(true, Ordering::Relaxed);
                    true
                }
            };
            if concerns {
                // Where there is no room, a look is due anyway.
                let _ = wakes.try_send(Wake::Changed);
            }
        }
    }
}

fn concerns(path: &Path, targets: &[PathBuf]) -> bool {
    let name = path.file_name().unwrap_or_default();
    // A mounted config map changes by a link `..data`, which the names beside it lead through.
    name.to_string_lossy().starts_with("..")
        || targets.iter().any(|target| path.starts_with(target))
}

/// What a directory is, behind its name.
#[derive(PartialEq, Eq)]
struct Identity {
    real: PathBuf,
    #[cfg(unix)]
    inode: (u64, u64, i64, i64),
    #[cfg(not(unix))]
    created: Option<std::time::SystemTime>,
}

impl Identity {
    fn of(path: &Path) -> Option<Self> {
        let real = fs::canonicalize(path).ok()?;
        let about = fs::metadata(path).ok()?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            // With the time of its last change, for a number is given to another directory at once.
            let inode = (about.dev(), about.ino(), about.ctime(), about.ctime_nsec());
            Some(Self { real, inode })
        }
        #[cfg(not(unix))]
        {
            let created = about.created().ok();
            Some(Self { real, created })
        }
    }
}
