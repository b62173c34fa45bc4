use std::time::Instant;

use registry_testkit::benchmark::{Better, Cell, Publisher, Row, publish_document, settle};
use registry_testkit::http_client::HttpClient;
use serde_json::Value;

use crate::Bench;
use crate::subjects::{Kind, Subject, start_all};

/// How many publish at the same time.
const PUBLISHERS: usize = 4;
/// How many each of them publishes in a round.
const EACH: usize = 25;

/// New packages in a second, of a usual size, by turns.
pub(crate) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    let subjects = start_all(&bench.tools, &bench.fixture.base_url()).await;
    let mut cells: Vec<Cell> = Kind::ALL
        .iter()
        .zip(&subjects)
        .map(|(kind, subject)| match (kind, subject) {
            (Kind::Nginx, _) => Cell::Absent("nginx takes no packages".to_owned()),
            (_, Err(reason)) => Cell::Absent(reason.clone()),
            (_, Ok(_)) => Cell::Rounds(Vec::new()),
        })
        .collect();
    for round in 1..=bench.options.rounds {
        for ((kind, subject), cell) in Kind::ALL.iter().zip(&subjects).zip(&mut cells) {
            let (Ok(subject), Cell::Rounds(rates)) = (subject, cell) else { continue };
            let rate = publish_all(subject, round).await?;
            println!("round {round}  {:<54} {:<12} {rate:>9.1}/s", "publishes", kind.column());
            rates.push(rate);
            settle(subject.id()?)?;
        }
    }
    bench.table.push(Row {
        what: format!("publish of new packages, {PUBLISHERS} at once"),
        unit: "packages/s",
        better: Better::More,
        cells,
    });
    Ok(())
}

async fn publish_all(subject: &Subject, round: usize) -> anyhow::Result<f64> {
    let token = subject.token.clone().unwrap_or_default();
    let publisher = Publisher { http: HttpClient::new(&subject.base_url), token };
    let documents: Vec<Vec<(String, Value)>> = (0..PUBLISHERS)
        .map(|number| {
            let name = |package| format!("@bench/pear-{round}-{number}-{package}");
            (0..EACH)
                .map(|package| (name(package), publish_document(&name(package), "1.0.0", 10_000).build()))
                .collect()
        })
        .collect();
    let started = Instant::now();
    let publishing = documents.into_iter().map(|documents| {
        let publisher = publisher.clone();
        tokio::spawn(async move {
            for (name, document) in documents {
                publisher.send(&name, &document).await;
            }
        })
    });
    let publishing: Vec<_> = publishing.collect();
    for publisher in publishing {
        publisher.await?;
    }
    #[expect(clippy::cast_precision_loss, reason = "it is a hundred")]
    let packages = (PUBLISHERS * EACH) as f64;
    Ok(packages / started.elapsed().as_secs_f64())
}
