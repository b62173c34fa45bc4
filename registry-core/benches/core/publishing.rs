use std::cell::Cell;
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use async_trait::async_trait;
use divan::Bencher;
use divan::counter::BytesCount;
use registry_core::changes::{ChangeFeedSettings, ChangeSink, DeliveredChange, DeliverySettings};
use registry_core::domain::PackageName;
use registry_core::domain::publication::Publication;
use registry_core::events::EventError;
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

/// The first version of a package, with so many sinks of the change feed, of which the last is dead: on disk, synced.
#[divan::bench(args = [0, 3], sample_count = 100, sample_size = 1)]
fn publish_with_sinks(bencher: Bencher<'_, '_>, sinks: usize) {
    let sinks = ["first", "second", "dead"].into_iter().take(sinks);
    let fixture = Fixture::built(Store::Disk, |builder| {
        sinks.fold(builder.change_feed(ChangeFeedSettings::default()), |builder, name| {
            builder.change_sink(name, Arc::new(Sink(name)), DeliverySettings::default())
        })
    });
    let packages = Cell::new(0);
    let next_package = || {
        packages.set(packages.get() + 1);
        publication(&format!("pear-{}", packages.get()), "1.0.0")
    };
    bencher.with_inputs(next_package).bench_local_values(|publication| {
        RUNTIME.block_on(fixture.registry.publish(&ana(), publication)).unwrap()
    });
}

/// A receiver at once or never, by its name.
#[derive(Debug)]
struct Sink(&'static str);

impl Display for Sink {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

#[async_trait]
impl ChangeSink for Sink {
    async fn deliver(&self, _: &[DeliveredChange]) -> Result<(), EventError> {
        if self.0 == "dead" { std::future::pending().await } else { Ok(()) }
    }
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
