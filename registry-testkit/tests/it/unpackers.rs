//! What the registry takes is the same package to all clients: a short run of `examples/unpack.rs`, and proof that it can fail.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use registry_testkit::unpackers::{Unpackers, adversarial_tarball, is_ambiguous, judge};

fn tarball(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        archive.append(&header, content.as_bytes()).unwrap();
    }
    let mut gzip = archive.into_inner().unwrap();
    gzip.flush().unwrap();
    gzip.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_agree_on_what_the_registry_takes() {
    let mut unpackers = Unpackers::start().await;
    let tarballs: Vec<_> = (0..600).map(adversarial_tarball).collect();
    let judged = judge(&mut unpackers, &tarballs);
    let judged = judged.unwrap_or_else(|(seed, difference)| panic!("seed {seed}: {difference}"));
    let taken = judged.into_iter().filter(|is_taken| *is_taken).count();
    assert!(taken > 30, "of 600 tarballs only {taken} were unpacked");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_disagree_on_what_the_registry_refuses() {
    let mut unpackers = Unpackers::start().await;
    let good = ("package/package.json", r#"{"name":"good","version":"1.0.0"}"#);
    let evil = r#"{"name":"evil","version":"1.0.0"}"#;
    for path in [
        "package/C:/package.json",
        "package/c:package.json",
        "package/lib//C:/../a.js",
        "package///?/C:/package.json",
        "package/package.json/",
        "./package.json",
    ] {
        let tarball = tarball(&[good, (path, evil)]);
        assert!(
            is_ambiguous(&unpackers.unpack(std::slice::from_ref(&tarball))[0]),
            "{path} is the same to all"
        );
        assert_eq!(judge(&mut unpackers, &[tarball]), Ok(vec![false]), "{path} is taken");
    }
    assert_eq!(judge(&mut unpackers, &[tarball(&[good, ("package/a.js", "a")])]), Ok(vec![true]));
}
