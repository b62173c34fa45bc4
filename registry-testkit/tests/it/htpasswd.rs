//! The htpasswd provider: its contract, and how it follows its file.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use registry_core::Registry;
use registry_core::auth::{AuthProvider as _, Caller, Credential, Htpasswd, LoggedIn, PasswordLogin};
use registry_core::storage::ObjectStoreBlobs;
use registry_testkit::conformance::{self, KnownAccount};
use registry_testkit::{FixedClock, SeededRandomness};
use tempfile::TempDir;

/// The password `secret` in each way that is taken.
const SHA_1: &str = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=";
const APR1: &str = "$apr1$8sFt66rZ$eup.HOtZcQ/VrnApBM3rR/";
const BCRYPT: &str = "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a";

struct File {
    folder: TempDir,
}

impl File {
    fn new(text: &str) -> Self {
        let file = Self { folder: tempfile::tempdir().unwrap() };
        file.write(text);
        file
    }

    /// As editors do: a new file takes the place of the old one.
    fn write(&self, text: &str) {
        let new = self.folder.path().join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.path()).unwrap();
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("htpasswd")
    }

    fn open(&self) -> Htpasswd {
        Htpasswd::open(&self.path(), Arc::new(FixedClock::new()), &SeededRandomness::new(1)).unwrap()
    }
}

fn login(name: &str, password: &str) -> PasswordLogin {
    PasswordLogin { name: name.into(), password: password.into(), email: None }
}

fn basic(name: &str) -> Credential {
    Credential::Basic { name: name.into(), password: "secret".into() }
}

#[tokio::test]
async fn htpasswd_keeps_the_contract() {
    for hash in [SHA_1, APR1, BCRYPT] {
        let file = File::new(&format!("ana:{hash}\nben:{BCRYPT}\n"));
        let known = KnownAccount::with_password("ana", "secret");
        conformance::auth_provider(async || Arc::new(file.open()) as _, &known).await;
    }
}

#[tokio::test]
async fn the_file_is_followed() {
    let file = File::new(&format!("ana:{APR1}\n"));
    let provider = file.open();
    assert!(matches!(provider.log_in(&login("ana", "secret")).await, Ok(LoggedIn::Principal(_))));
    assert_eq!(provider.log_in(&login("ben", "secret")).await.unwrap(), LoggedIn::NoSuchAccount);
    file.write(&format!("ben:{APR1}\n"));
    assert_eq!(provider.log_in(&login("ana", "secret")).await.unwrap(), LoggedIn::NoSuchAccount);
    assert_eq!(provider.look_up("ana").await.unwrap(), None);
    assert!(matches!(provider.log_in(&login("ben", "secret")).await, Ok(LoggedIn::Principal(_))));

    // What cannot be used, and a file that is not there, leave those in who were in.
    for broken in ["ben:secret\n", &format!("ben:{APR1}\nben:{APR1}\n")] {
        file.write(broken);
        assert!(matches!(provider.log_in(&login("ben", "secret")).await, Ok(LoggedIn::Principal(_))));
    }
    std::fs::remove_file(file.path()).unwrap();
    assert!(provider.look_up("ben").await.unwrap().is_some());
    file.write(&format!("ana:{SHA_1}\n"));
    assert!(provider.look_up("ben").await.unwrap().is_none());
}

#[tokio::test]
async fn a_change_in_place_within_one_tick_is_seen_too() {
    let file = File::new(&format!("ana:{SHA_1}\n"));
    let provider = file.open();
    let modified = std::fs::metadata(file.path()).unwrap().modified().unwrap();
    assert!(provider.look_up("ana").await.unwrap().is_some());
    std::fs::write(file.path(), format!("ben:{SHA_1}\n")).unwrap();
    std::fs::File::options().write(true).open(file.path()).unwrap().set_modified(modified).unwrap();
    assert!(provider.look_up("ana").await.unwrap().is_none(), "the same time, length and inode");
}

#[tokio::test]
async fn a_file_that_has_settled_is_not_read_again() {
    let file = File::new(&format!("ana:{SHA_1}\n"));
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_hours(24);
    let set_modified = || {
        let file = std::fs::File::options().write(true).open(file.path()).unwrap();
        file.set_modified(long_ago).unwrap();
    };
    set_modified();
    let provider = file.open();
    assert!(provider.look_up("ana").await.unwrap().is_some());
    std::fs::write(file.path(), format!("ben:{SHA_1}\n")).unwrap();
    set_modified();
    assert!(provider.look_up("ana").await.unwrap().is_some(), "nothing shows that it has changed");
}

#[tokio::test]
async fn a_user_who_is_removed_or_gets_another_password_is_out_at_once() {
    let file = File::new(&format!("ana:{BCRYPT}\n"));
    let store = Arc::new(ObjectStoreBlobs::in_memory());
    let provider = Arc::new(file.open());
    let builder = Registry::builder(store).auth_provider(provider).open_to_everyone();
    let registry = builder.token_cache(Duration::ZERO).build();
    let session =
        registry.log_in(&Caller::anonymous(), &login("ana", "secret")).await.unwrap().into_session().unwrap();
    let token = Credential::Bearer(session.token);
    for credential in [&token, &basic("ana"), &basic("ana")] {
        assert_eq!(registry.identify(Some(credential), None).await.unwrap().name(), Some("ana"));
    }
    // Another hash, of the word `other`; the right password of a moment ago is not remembered.
    file.write("ana:{SHA}0JQeaNqPOBUf+Gph/Fn3xc+fyqI=\n");
    registry.identify(Some(&basic("ana")), None).await.unwrap_err();
    file.write(&format!("ben:{BCRYPT}\n"));
    for credential in [&token, &basic("ana")] {
        registry.identify(Some(credential), None).await.unwrap_err();
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_refused_with_its_line() {
    let file = File::new(&format!("# ours\nana:{SHA_1}\nben:rl0uE0Pv.2bIs\n"));
    let open = || Htpasswd::open(&file.path(), Arc::new(FixedClock::new()), &SeededRandomness::new(1));
    let refused = open().unwrap_err().to_string();
    assert!(
        refused.contains("line 3: the password of ben is plain text or hashed with Unix crypt"),
        "{refused}"
    );
    assert!(!refused.contains("rl0uE0Pv"), "{refused}");
    std::fs::remove_file(file.path()).unwrap();
    assert!(open().unwrap_err().to_string().starts_with("cannot read the htpasswd file "));
}
