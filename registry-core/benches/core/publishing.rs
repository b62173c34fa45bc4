use std::cell::Cell;

use divan::Bencher;
use divan::counter::BytesCount;
use registry_core::domain::PackageName;
use registry_core::domain::publication::Publication;
use registry_core::limits::Limits;

use crate::fixture::{Fixture, RUNTIME, Store, ana, publication, publish_document};

/// The second version of a package, and the two thousandth: on disk, synced.
#[divan::bench(args = [2, 2000], sample_count = 20, sample_size = 1)]
fn publish_version(bencher: Bencher<'_, '_>, number: usize) {
    let fixture = Fixture::new(Store::Disk);
    let packages = Cell::new(0);
    let next_package = || {
        packages.set(packages.get() + 1);
        let name = format!("pear-{}", packages.get());
        fixture.put_package(&name, number - 1);
        publication(&name, &format!("2.0.{number}"))
    };
    bencher.with_inputs(next_package).bench_local_values(|publication| {
        RUNTIME.block_on(fixture.registry.publish(&ana(), publication)).unwrap()
    });
}

/// Everything that is checked before a tarball of a megabyte is stored.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn verify_one_megabyte(bencher: Bencher<'_, '_>) {
    let name = PackageName::parse("pear").unwrap();
    let document = publish_document("pear", 1 << 20);
    let limits = Limits::default();
    bencher
        .counter(BytesCount::new(document.len()))
        .bench(|| Publication::from_document(&name, &document, &limits).unwrap());
}
