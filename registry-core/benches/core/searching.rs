use divan::Bencher;
use http::Request;
use http::header::HOST;
use registry_core::Body;

use crate::fixture::{Fixture, Store, ask};

/// Packages in the store.
const PACKAGES: usize = 10_000;

fn search_request(text: &str) -> Request<Body> {
    let request = Request::get(format!("/-/v1/search?text={text}&size=20"));
    request.header(HOST, "registry.example").body(Body::empty()).unwrap()
}

/// A search of 10,000 packages whose index did not change: for a word in all names, in one, and in none.
#[divan::bench(args = ["package", "package-4711", "nothing"], sample_count = 50)]
fn search_10000_packages(bencher: Bencher<'_, '_>, text: &str) {
    let fixture = Fixture::new(Store::Memory);
    for number in 0..PACKAGES {
        fixture.put_package(&format!("package-{number}"), 1);
    }
    // Makes the index, which the first search may not wait for.
    while ask(&fixture.registry, search_request("package-9999")).headers()["content-length"].len() < 3 {
        std::thread::yield_now();
    }
    bencher.with_inputs(|| search_request(text)).bench_values(|request| ask(&fixture.registry, request));
}
