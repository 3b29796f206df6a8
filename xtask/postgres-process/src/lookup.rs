use std::env;
use std::path::{Path, PathBuf};

/// The programs of one PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    folder: PathBuf,
}

/// Finds PostgreSQL: in the folder that `POSTGRES_BIN` names, where `pg_ctl` on `PATH` is, or where
/// Debian puts it (the latest version).
pub fn find() -> Option<Programs> {
    if let Some(folder) = env::var_os("POSTGRES_BIN").filter(|folder| !folder.is_empty()) {
        return Programs::of(Path::new(&folder));
    }
    let on_path = env::split_paths(&env::var_os("PATH")?)
        .filter_map(|folder| folder.join("pg_ctl").canonicalize().ok())
        .find_map(|program| Programs::of(program.parent()?));
    on_path.or_else(|| {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let mut versions: Vec<(u32, PathBuf)> = versions
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let version = entry.file_name().to_str()?.parse().ok()?;
                Some((version, entry.path().join("bin")))
            })
            .collect();
        versions.sort();
        let mut latest_first = versions.iter().rev();
        latest_first.find_map(|(_, folder)| Programs::of(folder))
    })
}

impl Programs {
    fn of(folder: &Path) -> Option<Self> {
        let is_whole = ["initdb", "pg_ctl", "postgres", "createdb"]
            .iter()
            .all(|program| folder.join(program).is_file());
        is_whole.then(|| Self {
            folder: folder.to_owned(),
        })
    }

    /// Where this program is.
    pub fn path(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }
}
