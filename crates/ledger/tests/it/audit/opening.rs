//! Who may open what.

mod read_only;

use kitelogik_ledger::{ApprovalFilter, Ledger, LedgerError, Reviewer};

use super::world::{allowed, record, try_record};
use crate::stores::{TestStore, on_both_stores};

on_both_stores! {
    async fn a_later_schema_is_refused_with_what_to_do(store: TestStore) {
        store.open().await.close().await.unwrap();
        let later = if store.address.starts_with("sqlite:") {
            "PRAGMA user_version = 9999"
        } else {
            "UPDATE ledger_schema SET version = 9999"
        };
        store.sql(later).await.unwrap();
        for builder in [store.builder(), store.builder().existing(), store.builder().read_only()] {
            let error = builder.open().await.unwrap_err();
            assert!(matches!(error, LedgerError::Newer { found: 9999, .. }), "{error}");
            assert!(error.to_string().contains("use a later version of the program"), "{error}");
        }
    }

    async fn what_is_opened_for_reading_is_neither_made_nor_written(store: TestStore) {
        for builder in [store.builder().existing(), store.builder().read_only()] {
            let error = builder.open().await.unwrap_err();
            assert!(matches!(error, LedgerError::Absent { .. }), "{error}");
        }
        store.open().await.close().await.unwrap();
        let reader = store.builder().read_only().open().await.unwrap();
        let refused = try_record(&reader.audit(), "s1", &allowed()).await.unwrap_err();
        assert_eq!(refused, "the ledger was opened for reading only");
        reader.audit().checkpoint().await.unwrap_err();
    }

    async fn another_ledgers_key_and_one_that_others_may_read_are_refused(store: TestStore) {
        store.open().await.close().await.unwrap();
        let key = store.folder.path().join("ledger.key");
        let stranger = TestStore::sqlite();
        stranger.open().await.close().await.unwrap();
        let other = stranger.folder.path().join("ledger.key");
        let error = Ledger::builder(&store.address).key_file(&other).open().await.unwrap_err();
        assert!(error.to_string().ends_with("is the key of another ledger"), "{error}");

        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
        let error = store.builder().open().await.unwrap_err();
        assert!(error.to_string().contains("`chmod 600` it"), "{error}");

        std::fs::remove_file(&key).unwrap();
        let error = store.builder().open().await.unwrap_err();
        assert!(error.to_string().contains("cannot be read"), "{error}");
        assert!(!key.exists(), "no new key is made for a ledger that has one");
    }

    async fn approvals_without_the_key_name_its_file(store: TestStore) {
        store.open().await.close().await.unwrap();
        let key = store.folder.path().join("ledger.key");
        std::fs::remove_file(&key).unwrap();
        let reader = store.builder().read_only().open().await.unwrap();
        let ann = Reviewer::new("ann");
        let listed = reader.approvals().list(&ApprovalFilter::all(), &ann).await;
        let told = listed.unwrap_err().to_string();
        assert!(told.contains(&format!("key file `{}` is needed", key.display())), "{told}");
    }

    async fn many_that_begin_at_once_share_one_ledger(store: TestStore) {
        let opening = (0..8).map(|_| async { store.open().await });
        let ledgers = futures_util::future::join_all(opening).await;
        for ledger in &ledgers {
            assert_eq!(ledger.id(), ledgers[0].id());
            record(&ledger.audit(), "s1", &allowed()).await;
        }
        let found = ledgers[0].audit().verify(&Default::default(), |_| ()).await.unwrap();
        assert!(found.is_intact(), "{:?}", found.problems);
        assert_eq!(found.writers, 8);
    }
}

#[tokio::test]
async fn a_file_of_something_else_is_left_alone() {
    let store = TestStore::sqlite();
    store.sql("CREATE TABLE notes (text)").await.unwrap();
    let error = store.builder().open().await.unwrap_err();
    assert!(matches!(error, LedgerError::Foreign { .. }), "{error}");
    store
        .sql("INSERT INTO notes VALUES ('still here')")
        .await
        .unwrap();
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_named() {
    let store = TestStore::sqlite();
    let place = store.folder.path().join("not-there").join("ledger.db");
    let address = format!("sqlite:{}", place.display());
    let told = Ledger::open(&address).await.unwrap_err().to_string();
    assert!(told.contains(&format!("`{address}`: ")), "{told}");

    let path = store.address.strip_prefix("sqlite:").unwrap();
    let folder = format!("sqlite:{}", store.folder.path().display());
    let told = Ledger::open_read_only(&folder).await.unwrap_err();
    let told = told.to_string();
    assert!(told.contains(&format!("`{folder}`: ")), "{told}");
    assert!(!told.contains("immutable"), "{told}");

    std::fs::write(path, "text of somebody, and no database at all").unwrap();
    for builder in [store.builder(), store.builder().read_only()] {
        let told = builder.open().await.unwrap_err().to_string();
        let wanted = format!("opening the ledger: `{}`: ", store.address);
        assert!(told.starts_with(&wanted), "{told}");
    }
}

#[tokio::test]
async fn a_ledger_says_where_it_is_without_a_password() {
    let store = TestStore::sqlite();
    assert_eq!(store.open().await.address(), store.address);
    #[cfg(feature = "postgres")]
    if let Some(url) = kitelogik_postgres_process::postgres_or_skip!() {
        let end = if url.contains('?') { '&' } else { '?' };
        let store = TestStore::postgres(format!("{url}{end}password=hunter2"));
        let told = store.open().await.address().to_owned();
        assert!(
            told.starts_with("postgres") && !told.contains("hunter2"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn addresses_that_are_none_are_refused_without_their_passwords() {
    for address in [
        "kitelogik.db",
        "sqlite:",
        "sqlite::memory:",
        "mysql://root:hunter2@host/x",
        "postgres://ann:hunter2@/x?port=word&password=hunter2",
    ] {
        let error = Ledger::open(address).await.unwrap_err();
        assert!(matches!(error, LedgerError::Address { .. }), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn an_error_tells_no_part_of_a_password() {
    for address in [
        "postgres://ann:top?secret@db:x/kitelogik",
        "postgres://ann:top-secret@db:x/kitelogik",
        "postgres://db:x/kitelogik?user=ann&password=top@secret",
    ] {
        let told = Ledger::open(address).await.unwrap_err().to_string();
        assert!(!told.contains("top") && !told.contains("secret"), "{told}");
    }
}
