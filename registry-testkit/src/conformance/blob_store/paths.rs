use registry_core::storage::{BlobPath, BlobPathError, BlobPrefix, When};

use super::super::check::{Verdict, ensure};
use super::checks;
use super::ground::Ground;

checks![odd_characters_are_kept, long_paths_are_kept];

/// Names that stores escape, fold, trim or take for something else.
const ODD: [&str; 22] = [
    "~tilde",
    "quote'",
    "bang!",
    "(round)",
    "star*",
    "@scope",
    "50%",
    "%2F",
    "%41",
    "a=b",
    "#1",
    "file#2",
    "c+d",
    "two words",
    "q?x=1&y",
    "[square]",
    "{curly}",
    "semi;colon:",
    "...",
    ".hidden",
    "ünïcödé",
    "日本語",
];

async fn odd_characters_are_kept(ground: Ground) -> Verdict {
    for odd in ODD {
        let path = ground.path(&format!("{odd}/{odd}.tgz"));
        ground.put(&path, odd, When::Absent).await?;
    }
    for odd in ODD {
        ground.expect(&ground.path(&format!("{odd}/{odd}.tgz")), odd).await?;
        let listed = ground.list(&ground.folder(odd)).await?;
        let listed: Vec<&str> = listed.iter().map(|blob| blob.path.as_str()).collect();
        ensure!(listed == [format!("conformance/{odd}/{odd}.tgz")], "list of the folder {odd:?}: {listed:?}");
    }
    let mut wanted = ODD.to_vec();
    wanted.sort_unstable();
    let folders = ground.store.list_folders(&BlobPrefix::folder(path("conformance")?)).await?;
    ensure!(folders == wanted, "list_folders: {folders:?} instead of {wanted:?}");
    for odd in ODD {
        let path = ground.path(&format!("{odd}/{odd}.tgz"));
        ground.store.delete(&path).await?;
        ground.expect_missing(&path).await?;
    }
    Ok(())
}

async fn long_paths_are_kept(ground: Ground) -> Verdict {
    let segment = "s".repeat(255);
    let (path, almost) = (ground.path(&format!("{segment}/{segment}/{segment}")), segment[1..].to_owned());
    ground.put(&path, "long", When::Absent).await?;
    ground.expect(&path, "long").await?;
    ground.expect_missing(&ground.path(&format!("{segment}/{segment}/{almost}"))).await
}

/// A path that is not to be deleted after the check.
pub(super) fn path(path: &str) -> Result<BlobPath, BlobPathError> {
    BlobPath::parse(path)
}
