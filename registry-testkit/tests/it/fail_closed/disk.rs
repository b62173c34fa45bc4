//! What can hide a package on a disk.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;

use registry_core::Registry;
use registry_core::storage::LocalDisk;
use registry_testkit::publish_document::PublishDocument;

use super::{FOREIGN, House, Kind, Question};

const NAME: &str = "left-pad";

/// Something that hides the package, and how many of the store's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Obstacle {
    LinkThatLoops,
    LinkElsewhere,
    FolderInItsPlace,
    SocketInItsPlace,
    PackageIsAFile,
    PackageIsALoop,
    PackageIsALinkToNowhere,
    NothingIsMounted,
    AnEmptyFolderIsMounted,
    AnotherStoreIsMounted,
}

impl Obstacle {
    const ALL: [Self; 10] = [
        Self::LinkThatLoops,
        Self::LinkElsewhere,
        Self::FolderInItsPlace,
        Self::SocketInItsPlace,
        Self::PackageIsAFile,
        Self::PackageIsALoop,
        Self::PackageIsALinkToNowhere,
        Self::NothingIsMounted,
        Self::AnEmptyFolderIsMounted,
        Self::AnotherStoreIsMounted,
    ];

    /// Whether the whole store is out of reach.
    fn is_of_the_store(self) -> bool {
        matches!(self, Self::NothingIsMounted | Self::AnEmptyFolderIsMounted | Self::AnotherStoreIsMounted)
    }

    fn hidden(self, root: &Path) -> std::path::PathBuf {
        let objects = root.join("objects");
        match self {
            _ if self.is_of_the_store() => objects,
            Self::PackageIsAFile | Self::PackageIsALoop | Self::PackageIsALinkToNowhere => objects.join(NAME),
            _ => objects.join(NAME).join("index.json"),
        }
    }

    async fn raise(self, root: &Path) {
        let (hidden, aside) = (self.hidden(root), root.join("aside"));
        fs::rename(&hidden, &aside).unwrap();
        match self {
            Self::LinkThatLoops | Self::PackageIsALoop => symlink(&hidden, &hidden).unwrap(),
            Self::LinkElsewhere => symlink(&aside, &hidden).unwrap(),
            Self::PackageIsALinkToNowhere => symlink(root.join("not-mounted"), &hidden).unwrap(),
            Self::FolderInItsPlace | Self::AnEmptyFolderIsMounted => fs::create_dir(&hidden).unwrap(),
            Self::SocketInItsPlace => drop(UnixListener::bind(&hidden).unwrap()),
            Self::PackageIsAFile => fs::write(&hidden, "no folder").unwrap(),
            Self::NothingIsMounted => {}
            Self::AnotherStoreIsMounted => {
                let another = tempfile::tempdir().unwrap();
                let store = LocalDisk::open(another.path()).unwrap();
                Registry::builder(Arc::new(store)).build().open().await.unwrap();
                fs::rename(another.path().join("objects"), &hidden).unwrap();
            }
        }
    }

    fn lower(self, root: &Path) {
        let hidden = self.hidden(root);
        match hidden.symlink_metadata() {
            Ok(found) if found.is_dir() => fs::remove_dir_all(&hidden).unwrap(),
            Ok(_) => fs::remove_file(&hidden).unwrap(),
            Err(_) => {}
        }
        fs::rename(root.join("aside"), hidden).unwrap();
    }
}

async fn house(root: &Path) -> House {
    let house = House::on(Arc::new(LocalDisk::open(root).unwrap().without_fsync())).await;
    let _ = house.ana.publish(&PublishDocument::new(NAME, "1.0.0")).await.assert_status(201);
    house.upstream.publish(NAME, "1.0.0", b"evil");
    house.upstream.publish(NAME, FOREIGN, b"evil");
    house
}

#[tokio::test]
async fn what_is_hidden_is_not_missing() {
    for obstacle in Obstacle::ALL {
        // Of packages that are kept in memory, and of those that are not.
        for is_warm in [true, false] {
            for question in Question::all(NAME) {
                let folder = tempfile::tempdir().unwrap();
                let house = house(folder.path()).await;
                if is_warm {
                    let _ = house.anonymous().get(&format!("/{NAME}")).await.assert_status(200);
                }
                obstacle.raise(folder.path()).await;
                let what = format!("{obstacle:?}, warm {is_warm}, {question:?}");
                let answer =
                    house.ask(&question, NAME).await.unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
                if question.kind == Kind::OfPackage {
                    assert!(answer.status.is_server_error(), "{what}: {} {}", answer.status, answer.text());
                    assert!(!answer.error().is_empty(), "{what}");
                }
                if obstacle.is_of_the_store() {
                    assert!(house.registry.ready().await.is_err(), "{what}");
                }
                obstacle.lower(folder.path());
                house.registry.ready().await.unwrap();
                let packument = house.anonymous().get(&format!("/{NAME}")).await.assert_status(200).json();
                assert!(packument["versions"].get(FOREIGN).is_none(), "{what}");
            }
        }
    }
}

/// The store is out of reach, and so is every answer that begins with "there is no such".
#[tokio::test]
async fn of_a_store_that_is_not_mounted_no_name_is_free_and_no_token_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(folder.path()).await;
    Obstacle::AnEmptyFolderIsMounted.raise(folder.path()).await;
    let anonymous = house.anonymous();
    for answer in [
        anonymous.with_token("npm_unknown").get("/-/whoami").await,
        anonymous.get("/never-published").await,
        house.ana.publish(&PublishDocument::new("never-published", "1.0.0")).await,
        anonymous
            .put(
                "/-/user/org.couchdb.user:ben",
                &serde_json::json!({ "name": "ben", "password": "correct horse battery", "email": "ben@registry.example" }),
            )
            .await,
    ] {
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(answer.error().contains("storage"), "{}", answer.error());
    }
    let unknown = house.ana.get("/-/stage/00000000-0000-0000-0000-000000000000").await;
    assert_eq!(unknown.status, 503, "{}", unknown.text());
    let left: Vec<_> = fs::read_dir(folder.path().join("objects")).unwrap().collect();
    assert!(left.is_empty(), "nothing is written to another store: {left:?}");
}
