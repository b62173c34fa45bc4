//! What fuzzers found worth keeping, and mutations of it: the fuzzers' short run, on any compiler. `MUTATIONS_TIMES=10` tries ten times as many.

use std::path::Path;

use registry_testkit::amount;
use registry_testkit::fuzzing::{self, replay};

/// Always tries the same, so that what fails here fails everywhere.
fn try_all(target: &str, mutations: usize, property: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../registry-core/fuzz/corpus").join(target);
    let tried = replay(&folder, 1, mutations * amount("MUTATIONS_TIMES", 1), property);
    assert!(tried.files >= 5, "{tried:?}");
}

#[test]
fn routes() {
    try_all("route", 7000, fuzzing::route);
}

#[test]
fn publish_bodies() {
    try_all("publish_body", 1000, fuzzing::publish_body);
}

#[test]
fn tarballs() {
    try_all("tarball", 3000, fuzzing::tarball);
}

#[test]
fn packuments() {
    try_all("packument", 500, fuzzing::packument);
}
