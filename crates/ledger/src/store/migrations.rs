//! The schema, step by step. A store's schema version is how many of these steps it has.

/// One step, in both dialects. What was released is never edited: a change is another step.
pub(crate) struct Migration {
    #[cfg(feature = "sqlite")]
    pub(crate) sqlite: &'static str,
    #[cfg(feature = "postgres")]
    pub(crate) postgres: &'static str,
}

macro_rules! migration {
    ($name:literal) => {
        Migration {
            #[cfg(feature = "sqlite")]
            sqlite: include_str!(concat!("schema/", $name, ".sqlite.sql")),
            #[cfg(feature = "postgres")]
            postgres: include_str!(concat!("schema/", $name, ".postgres.sql")),
        }
    };
}

pub(crate) const MIGRATIONS: &[Migration] = &[
    migration!("0001_audit"),
    migration!("0002_approvals"),
    migration!("0003_key"),
];

/// The schema that this program writes and reads.
pub(crate) fn latest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// The steps that a store with schema `version` lacks.
pub(crate) fn missing(version: i64) -> impl Iterator<Item = &'static Migration> {
    let have = usize::try_from(version).unwrap_or(0);
    MIGRATIONS.iter().skip(have)
}
