//! A process killed while it writes.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use registry_core::storage::{BlobPath, BlobPrefix, BlobStore, LocalDisk, When};

use super::processes::{child, folder_of_child};

const WRITERS: usize = 8;
/// How many acknowledged writes the child lives for.
const LIFE: usize = 200;

/// The blob of a write: so long that a torn one would show, and all of it tells which write it is.
fn content(write: usize) -> Bytes {
    format!("{write:08}").repeat(8_000 + write % 100).into()
}

fn path(writer: usize) -> BlobPath {
    BlobPath::parse(&format!("writer/{writer}/blob")).unwrap()
}

#[test]
fn what_was_acknowledged_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    LocalDisk::open(folder.path()).unwrap();
    let mut child = child("blob_store::crash::writes_as_a_child", folder.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = HashMap::new();
    let mut note = |line: &str| {
        // The line at which the child was killed may be cut short.
        let mut words = line.strip_prefix("stored ").into_iter().flat_map(|line| line.split(' '));
        if let (Some(writer), Some(write), Some("done")) = (words.next(), words.next(), words.next()) {
            acknowledged.insert(writer.parse::<usize>().unwrap(), write.parse::<usize>().unwrap());
            return true;
        }
        false
    };
    let mut alive = 0;
    while alive < LIFE {
        let line = lines.next().expect("the child writes until it is killed").unwrap();
        alive += usize::from(note(&line));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for line in lines.map_while(Result::ok) {
        note(&line);
    }
    assert_eq!(acknowledged.len(), WRITERS);

    let left_by_the_dead = fs::read_dir(folder.path().join("staging")).unwrap().count();
    let store = LocalDisk::open(folder.path()).unwrap();
    let left = fs::read_dir(folder.path().join("staging")).unwrap().count();
    assert_eq!(left, 0, "of {left_by_the_dead} half-written files");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(check(&store, &acknowledged));
}

async fn check(store: &LocalDisk, acknowledged: &HashMap<usize, usize>) {
    for (writer, write) in acknowledged {
        let bytes = store.get(&path(*writer)).await.unwrap().unwrap().bytes;
        let found: usize = std::str::from_utf8(&bytes[..8]).unwrap().parse().unwrap();
        assert!(found >= *write, "writer {writer}: write {write} was acknowledged, and {found} is there");
        assert_eq!(bytes, content(found), "writer {writer}: write {found} is torn");
    }
    let listed = store.list(&BlobPrefix::ROOT).count().await;
    assert_eq!(listed, WRITERS);
    // No lock outlived its holder.
    for writer in 0..WRITERS {
        let _ = store.put(&path(writer), "new".into(), When::Always).await.unwrap();
    }
}

#[test]
#[ignore = "run by what_was_acknowledged_outlives_the_process, and killed by it"]
fn writes_as_a_child() {
    let store = LocalDisk::open(folder_of_child()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for writer in 0..WRITERS {
            tokio::spawn(write_for_ever(store.clone(), writer));
        }
        std::future::pending::<()>().await;
    });
}

async fn write_for_ever(store: LocalDisk, writer: usize) {
    for write in 0.. {
        let bytes = content(write);
        if write % 2 == 0 {
            let _ = store.put(&path(writer), bytes, When::Always).await.unwrap();
        } else {
            let halves = [bytes.slice(..bytes.len() / 2), bytes.slice(bytes.len() / 2..)].map(Ok);
            store.put_stream(&path(writer), stream::iter(halves).boxed()).await.unwrap();
        }
        let line = format!("stored {writer} {write} done\n");
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    }
}
