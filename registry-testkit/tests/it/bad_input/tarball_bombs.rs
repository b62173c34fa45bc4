use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::tarball::{Tarball, gzip};

use super::Ground;

const UNPACKED: u64 = 1 << 20;
const ENTRIES: usize = 100;
const MANIFEST: usize = 4 << 10;

async fn ground() -> Ground {
    Ground::with_limits(|limits| {
        limits.unpacked_bytes = UNPACKED;
        limits.tarball_entries = ENTRIES;
        limits.manifest_bytes = MANIFEST;
    })
    .await
}

fn with_tarball(tarball: Vec<u8>) -> serde_json::Value {
    PublishDocument::new("plum", "1.0.0").tarball_bytes(tarball).build()
}

fn zeros(length: u64) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    std::io::copy(&mut std::io::repeat(0).take(length), &mut encoder).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn what_unpacks_to_more_than_the_limit_is_413() {
    let ground = ground().await;
    let large = Tarball::new("plum", "1.0.0").file("zeros", &vec![0; 2 << 20]).pack();
    assert!(large.len() < 10 << 10, "a bomb is small: {}", large.len());
    let answer = ground.ana.put("/plum", &with_tarball(large)).await;
    ground.refused("a large file", &answer).await;
    assert_eq!(answer.status, 413);

    let answer = ground.ana.put("/plum", &with_tarball(zeros(200 << 20))).await;
    ground.refused("200 MiB of zeros", &answer).await;
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn a_bomb_behind_the_tarball_counts_too() {
    let ground = ground().await;
    let mut tarball = Tarball::new("plum", "1.0.0").pack();
    tarball.extend(zeros(50 << 20));
    ground.refuses_to_publish("a second gzip member", &with_tarball(tarball)).await;
}

#[tokio::test]
async fn a_gzip_in_a_gzip_is_no_tarball() {
    let ground = ground().await;
    let twice = gzip(&Tarball::new("plum", "1.0.0").pack());
    ground.refuses_to_publish("gzip in gzip", &with_tarball(twice)).await;
}

#[tokio::test]
async fn too_many_entries_are_413() {
    let ground = ground().await;
    let files = (0..=ENTRIES).map(|number| format!("{number}.js"));
    let many = files.fold(Tarball::new("plum", "1.0.0"), |tarball, path| tarball.file(&path, b"")).pack();
    let answer = ground.ana.put("/plum", &with_tarball(many)).await;
    ground.refused("many files", &answer).await;
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn a_large_package_json_is_refused() {
    let ground = ground().await;
    let long = "x".repeat(MANIFEST);
    let document = PublishDocument::new("plum", "1.0.0").field("description", long.into()).build();
    ground.refuses_to_publish("a large package.json", &document).await;
}

#[tokio::test]
async fn a_size_that_is_only_declared_is_not_believed() {
    let ground = ground().await;
    for size in [1 << 20, (8 << 30) - 1] {
        let mut header = tar::Header::new_ustar();
        header.set_path("package/package.json").unwrap();
        header.set_size(size);
        header.set_cksum();
        let mut archive = Vec::new();
        archive.write_all(header.as_bytes()).unwrap();
        archive.write_all(br#"{"name":"plum","version":"1.0.0"}"#).unwrap();
        ground.refuses_to_publish(&format!("{size} declared bytes"), &with_tarball(gzip(&archive))).await;
    }
}

#[tokio::test]
async fn entries_that_would_be_written_elsewhere_are_refused() {
    let ground = ground().await;
    for path in ["../evil.js", "../../evil.js", "a/../../../evil.js"] {
        let mut archive = tar::Builder::new(Vec::new());
        for (path, content) in [
            ("package/package.json".to_owned(), br#"{"name":"plum","version":"1.0.0"}"#.as_slice()),
            (format!("package/{path}"), b"evil".as_slice()),
        ] {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            // Past the checks of the crate, which would not write such a path.
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.set_cksum();
            archive.append(&header, content).unwrap();
        }
        let tarball = gzip(&archive.into_inner().unwrap());
        ground.refuses_to_publish(path, &with_tarball(tarball)).await;
    }
}

#[tokio::test]
async fn what_is_within_the_limits_is_published() {
    let ground = ground().await;
    let files = (0..ENTRIES - 1).map(|number| format!("{number}.js"));
    let many = files.fold(Tarball::new("plum", "1.0.0"), |tarball, path| tarball.file(&path, b"")).pack();
    let _ = ground.ana.put("/plum", &with_tarball(many)).await.assert_status(201);
}
