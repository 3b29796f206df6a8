//! A directory that links lead to.

use std::fs;
use std::time::Duration;

use kitelogik_opa::{ReloadEvent, Reloading};

use super::{Folder, allowed, allows, next, put};

#[tokio::test]
async fn links_are_followed_as_a_mounted_config_map_changes_them() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new(&allows("x"));
    folder.remove("a.rego");
    let mounted = folder.path();
    let version = |name: &str, action: &str| {
        let path = mounted.join(name);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("a.rego"), allows(action)).unwrap();
    };
    version("..2026_11_24_01", "a");
    symlink("..2026_11_24_01", mounted.join("..data")).unwrap();
    symlink("..data/a.rego", mounted.join("a.rego")).unwrap();
    let engine = Reloading::watch(&mounted)
        .poll_interval(Duration::from_secs(24 * 60 * 60))
        .quiet_for(Duration::from_millis(20))
        .start()
        .await
        .unwrap();
    let mut events = engine.events();
    assert!(allowed(&engine, "a").await);

    version("..2026_11_24_02", "b");
    symlink("..2026_11_24_02", mounted.join("..data_tmp")).unwrap();
    fs::rename(mounted.join("..data_tmp"), mounted.join("..data")).unwrap();
    fs::remove_dir_all(mounted.join("..2026_11_24_01")).unwrap();
    assert!(matches!(next(&mut events).await, ReloadEvent::Reloaded(_)));
    assert!(allowed(&engine, "b").await);
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_to_the_directory_may_lead_elsewhere() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new(&allows("a"));
    let other = folder.beside("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("a.rego"), allows("b")).unwrap();
    let link = folder.beside("current");
    symlink(folder.path(), &link).unwrap();
    let engine = Reloading::watch(&link)
        .poll_interval(Duration::from_secs(24 * 60 * 60))
        .quiet_for(Duration::from_millis(20))
        .start()
        .await
        .unwrap();
    let mut events = engine.events();
    symlink(&other, folder.beside("next")).unwrap();
    fs::rename(folder.beside("next"), &link).unwrap();
    assert!(matches!(next(&mut events).await, ReloadEvent::Reloaded(_)));
    assert!(allowed(&engine, "b").await);
    // What lies behind the link is watched, too.
    put(&other.join("a.rego"), allows("c").as_bytes());
    assert!(matches!(next(&mut events).await, ReloadEvent::Reloaded(_)));
    assert!(allowed(&engine, "c").await);
}
