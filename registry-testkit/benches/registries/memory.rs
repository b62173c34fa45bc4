use std::process::Stdio;
use std::time::Duration;

use registry_testkit::benchmark::{Better, Cell, Load, Row, Wrk, resident_megabytes};
use registry_testkit::http_client::HttpClient;

use crate::Bench;
use crate::fixture::LARGE;
use crate::reads::FULL;
use crate::subjects::{Kind, Subject, start_all};

/// No registry gets more: the load is ended, and the number is a bound.
const MOST_MEGABYTES: f64 = 3000.0;

/// What 200 clients of the full packument of 10 MB are.
const LOAD: Wrk = Wrk { connections: 200, seconds: 6 };

/// Resident memory before the first request, and the most of it while many clients ask for much.
pub(crate) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    let subjects = start_all(&bench.tools, &bench.fixture.base_url()).await;
    let (mut idle, mut loaded) = (Vec::new(), Vec::new());
    for (kind, subject) in Kind::ALL.iter().zip(subjects) {
        let measured = match (kind, subject) {
            (Kind::Nginx, _) => Err("nginx has no packument of its own".to_owned()),
            (_, Err(reason)) => Err(reason),
            (_, Ok(subject)) => measure_one(&subject).await.map_err(|error| format!("{error:#}")),
        };
        match measured {
            Err(reason) => {
                idle.push(Cell::Absent(reason.clone()));
                loaded.push(Cell::Absent(reason));
            }
            Ok((before, most)) => {
                println!("{:<64} {:<12} {before:>5.0} and {most:.0} MB", "memory", kind.column());
                if *kind == Kind::ThisServer {
                    let what = "memory above idle, 200 clients of a packument of 10 MB, MB";
                    bench.promises.at_most(what, most - before, 200.0);
                }
                idle.push(Cell::Rounds(vec![before]));
                loaded.push(if most < MOST_MEGABYTES {
                    Cell::Rounds(vec![most])
                } else {
                    Cell::Noted(vec![most], "the load was ended here, so this is a bound".to_owned())
                });
            }
        }
    }
    for (what, cells) in [("memory, idle", idle), ("memory, 200 clients of a packument of 10 MB", loaded)] {
        bench.table.push(Row { what: what.to_owned(), unit: "MB", better: Better::Less, cells });
    }
    Ok(())
}

async fn measure_one(subject: &Subject) -> anyhow::Result<(f64, f64)> {
    let process = subject.id()?;
    let _ = HttpClient::new(&subject.base_url).get("/-/ping").send().await;
    let idle = resident_megabytes(process)?;
    let mut headers = vec![("accept", FULL.to_owned()), ("accept-encoding", "identity".to_owned())];
    headers.extend(subject.token.iter().map(|token| ("authorization", format!("Bearer {token}"))));
    let load = Load { url: format!("{}/{LARGE}", subject.base_url), headers };
    let mut wrk = LOAD.command(&load).stdout(Stdio::null()).spawn()?;
    let mut most = idle;
    while wrk.try_wait()?.is_none() {
        most = most.max(resident_megabytes(process)?);
        if most >= MOST_MEGABYTES {
            wrk.kill()?;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok((idle, most))
}
