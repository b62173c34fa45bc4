use divan::Bencher;
use http::header::{ETAG, IF_NONE_MATCH};
use registry_core::Registry;
use registry_core::auth::Caller;
use registry_core::domain::PackageName;
use registry_core::upstream::PackumentForm;

use crate::fixture::{Fixture, RUNTIME, Store, ask, install_request};

const STORES: [Store; 2] = [Store::Memory, Store::Disk];

/// An install asks this of a package that another client asked for before.
#[divan::bench(args = STORES, sample_count = 100, sample_size = 500)]
fn warm_anonymous(bencher: Bencher<'_, '_>, store: Store) {
    let fixture = Fixture::with_package(store, 100);
    bencher.with_inputs(|| install_request(None)).bench_values(|request| {
        let answer = ask(&fixture.registry, request);
        assert_eq!(answer.status(), 200);
        answer
    });
}

#[divan::bench(args = STORES, sample_count = 100, sample_size = 500)]
fn warm_with_token(bencher: Bencher<'_, '_>, store: Store) {
    let fixture = Fixture::with_package(store, 100);
    let token = fixture.token();
    bencher.with_inputs(|| install_request(Some(&token))).bench_values(|request| {
        let answer = ask(&fixture.registry, request);
        assert_eq!(answer.status(), 200);
        answer
    });
}

/// The client has it already and asks whether it is still so.
#[divan::bench(args = STORES, sample_count = 100, sample_size = 500)]
fn warm_not_modified(bencher: Bencher<'_, '_>, store: Store) {
    let fixture = Fixture::with_package(store, 100);
    let token = fixture.token();
    let etag = ask(&fixture.registry, install_request(None)).headers()[ETAG].clone();
    let again = || {
        let mut request = install_request(Some(&token));
        request.headers_mut().insert(IF_NONE_MATCH, etag.clone());
        request
    };
    bencher.with_inputs(again).bench_values(|request| {
        let answer = ask(&fixture.registry, request);
        assert_eq!(answer.status(), 304);
        answer
    });
}

/// The first request after a publish: read, parsed, rendered, compressed and hashed.
#[divan::bench(args = [100, 3000], sample_count = 20, sample_size = 1)]
fn cold_abbreviated(bencher: Bencher<'_, '_>, versions: usize) {
    cold(bencher, versions, PackumentForm::Abbreviated);
}

#[divan::bench(args = [100, 3000], sample_count = 20, sample_size = 1)]
fn cold_full(bencher: Bencher<'_, '_>, versions: usize) {
    cold(bencher, versions, PackumentForm::Full);
}

fn cold(bencher: Bencher<'_, '_>, versions: usize, form: PackumentForm) {
    let fixture = Fixture::with_package(Store::Memory, versions);
    let name = PackageName::parse("pear").unwrap();
    let base = "http://registry.example:4873".into();
    bencher.with_inputs(|| fixture.cold()).bench_refs(|registry: &mut Registry| {
        RUNTIME.block_on(registry.packument(&Caller::anonymous(), &name, form, &base)).unwrap()
    });
}
