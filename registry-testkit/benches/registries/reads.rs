use std::io::Read as _;

use anyhow::{Context as _, ensure};
use flate2::read::GzDecoder;
use registry_testkit::benchmark::{Better, Cell, Load, Measured, Nginx, Publisher, Row, Wrk, settle};
use registry_testkit::http_client::{HttpClient, TestResponse};
use serde_json::Value;

use crate::Bench;
use crate::fixture::{LARGE, MEDIUM, SMALL};
use crate::subjects::{Kind, Subject, start_all};

/// What npm sends as it installs.
pub(crate) const ABBREVIATED: &str =
    "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";
/// What npm sends as it looks at a package.
pub(crate) const FULL: &str = "application/json";

/// Published to each of them, as large as [`MEDIUM`].
const HOSTED: &str = "@bench/hosted";

/// Something to ask for again and again.
#[derive(Debug, Clone)]
struct Question {
    what: String,
    package: &'static str,
    of: Part,
    connections: usize,
    /// How many times as long as others it is asked, since it takes long to answer.
    longer: u64,
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Packument { accept: &'static str, gzip: bool, unchanged: bool },
    Tarball,
}

/// How one subject is asked it, and what there is to know about its answer.
struct Prepared {
    load: Load,
    note: Option<String>,
}

fn questions() -> Vec<Question> {
    let mut questions = packuments("small packument", SMALL, 32, 1);
    questions.extend(packuments("medium packument", MEDIUM, 32, 1));
    let of = Part::Packument { accept: ABBREVIATED, gzip: true, unchanged: false };
    let what = "medium packument published here, abbreviated, gzip".to_owned();
    questions.push(Question { what, package: HOSTED, of, connections: 32, longer: 1 });
    for (size, package, connections) in [("300 KB", SMALL, 32), ("10 MB", MEDIUM, 8)] {
        let what = format!("tarball of {size}");
        questions.push(Question { what, package, of: Part::Tarball, connections, longer: 1 });
    }
    // Last, because some are busy with them for long after no client waits for the answer any more.
    questions.extend(packuments("large packument", LARGE, 4, 2));
    questions
}

fn packuments(size: &str, package: &'static str, connections: usize, longer: u64) -> Vec<Question> {
    let mut questions = Vec::new();
    for (form, accept) in [("abbreviated", ABBREVIATED), ("full", FULL)] {
        for (encoding, gzip, unchanged) in
            [("gzip", true, false), ("identity", false, false), ("304", true, true)]
        {
            let what = format!("{size}, {form}, {encoding}");
            let of = Part::Packument { accept, gzip, unchanged };
            questions.push(Question { what, package, of, connections, longer });
        }
    }
    questions
}

/// Requests in a second, and what 99 of 100 stay below, by turns.
pub(crate) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    let subjects = start_all(&bench.tools, &bench.fixture.base_url()).await;
    publish_hosted(&subjects).await;
    let wanted = bench.options.matching.clone();
    for question in questions().into_iter().filter(|question| question.what.contains(&wanted)) {
        let mut prepared = Vec::new();
        let mut files = None;
        for subject in &subjects {
            prepared.push(match subject {
                Err(reason) => Err(reason.clone()),
                Ok(subject) => match subject.nginx() {
                    Some(nginx) => copy_to(nginx, &question, files.take()),
                    None => prepare(subject, &question).await.map(|(prepared, answer)| {
                        // The first one's answer is what nginx gets.
                        files.get_or_insert(answer);
                        prepared
                    }),
                }
                .map_err(|error| format!("{error:#}")),
            });
        }
        let rounds = take_turns(bench, &question, &subjects, &prepared)?;
        record(bench, &question, &prepared, &rounds);
    }
    promise(bench);
    Ok(())
}

async fn publish_hosted(subjects: &[Result<Subject, String>]) {
    for subject in subjects.iter().flatten() {
        let Some(token) = subject.token.clone() else { continue };
        let publisher = Publisher { http: HttpClient::new(&subject.base_url), token };
        for version in 0..40 {
            publisher.publish(HOSTED, &format!("1.0.{version}"), 100).await;
        }
    }
}

/// What each of them did in each round, or why it did nothing.
type Rounds = Vec<Result<Vec<Measured>, String>>;

fn take_turns(
    bench: &Bench,
    question: &Question,
    subjects: &[Result<Subject, String>],
    prepared: &[Result<Prepared, String>],
) -> anyhow::Result<Rounds> {
    let wrk = Wrk { connections: question.connections, seconds: bench.options.seconds * question.longer };
    let mut rounds: Rounds =
        prepared.iter().map(|prepared| prepared.as_ref().map(|_| Vec::new()).map_err(Clone::clone)).collect();
    for round in 1..=bench.options.rounds {
        for (((kind, subject), prepared), measured) in
            Kind::ALL.iter().zip(subjects).zip(prepared).zip(&mut rounds)
        {
            let (Ok(subject), Ok(prepared)) = (subject, prepared) else { continue };
            let result = wrk.run(&prepared.load);
            settle(subject.id()?)?;
            match (result, measured.as_mut()) {
                (Ok(result), Ok(rounds)) => {
                    let rate = result.requests_per_second;
                    println!("round {round}  {:<54} {:<12} {rate:>9.1}/s", question.what, kind.column());
                    rounds.push(result);
                }
                (Err(error), _) => *measured = Err(format!("{error:#}")),
                (Ok(_), Err(_)) => {}
            }
        }
    }
    Ok(rounds)
}

fn record(bench: &mut Bench, question: &Question, prepared: &[Result<Prepared, String>], rounds: &Rounds) {
    #[expect(clippy::cast_precision_loss, reason = "a number of seconds is small")]
    let seconds = (bench.options.seconds * question.longer) as f64;
    let cells = |number: &dyn Fn(&Measured) -> f64| -> Vec<Cell> {
        prepared
            .iter()
            .zip(rounds)
            .map(|(prepared, rounds)| {
                let rounds = match rounds {
                    Ok(rounds) => rounds,
                    Err(reason) => return Cell::Absent(reason.clone()),
                };
                let numbers = rounds.iter().map(number).collect();
                let slow = rounds.iter().any(|measured| measured.requests_per_second <= 0.0);
                let note = prepared.as_ref().ok().and_then(|prepared| prepared.note.clone());
                match (note, slow) {
                    (_, true) => Cell::Noted(numbers, "no answer in time, so this is a bound".to_owned()),
                    (Some(note), false) => Cell::Noted(numbers, note),
                    (None, false) => Cell::Rounds(numbers),
                }
            })
            .collect()
    };
    // Who answered nothing answered less than once.
    let rates = cells(&|measured| measured.requests_per_second.max(1.0 / seconds));
    let p99 = cells(&|measured| match measured.requests_per_second {
        rate if rate > 0.0 => measured.p99_milliseconds,
        _ => seconds * 1000.0,
    });
    bench.table.push(Row {
        what: question.what.clone(),
        unit: "requests/s",
        better: Better::More,
        cells: rates,
    });
    bench.table.push(Row {
        what: format!("{}, p99", question.what),
        unit: "ms",
        better: Better::Less,
        cells: p99,
    });
}

fn promise(bench: &mut Bench) {
    for what in ["medium packument, abbreviated, gzip", "medium packument published here, abbreviated, gzip"]
    {
        bench.promise_ratio_at_least(what, Kind::Nginx, 0.8);
        bench.promise_ratio_at_least(what, Kind::Verdaccio, 30.0);
        bench.promise_ratio_at_least(what, Kind::Pnpr, 20.0);
    }
    // The bytes are the same, so these are ratios of bytes in a second too.
    for form in ["abbreviated, gzip", "abbreviated, identity", "full, gzip", "full, identity"] {
        bench.promise_ratio_at_least(&format!("large packument, {form}"), Kind::Nginx, 0.8);
    }
    for size in ["300 KB", "10 MB"] {
        bench.promise_ratio_at_least(&format!("tarball of {size}"), Kind::Nginx, 0.7);
    }
}

/// Asks once, so that everything is cached, and makes sure that the answer is one.
async fn prepare(subject: &Subject, question: &Question) -> anyhow::Result<(Prepared, TestResponse)> {
    let http = HttpClient::new(&subject.base_url);
    let path = match question.of {
        Part::Packument { .. } => format!("/{}", question.package.replace('/', "%2f")),
        Part::Tarball => tarball_path(subject, question.package).await?,
    };
    let mut headers = Vec::new();
    if let Part::Packument { accept, gzip, .. } = question.of {
        headers.push(("accept", accept.to_owned()));
        headers.push(("accept-encoding", if gzip { "gzip, deflate" } else { "identity" }.to_owned()));
    }
    if let Some(token) = &subject.token {
        headers.push(("authorization", format!("Bearer {token}")));
    }
    let ask = async |headers: &[(&'static str, String)]| {
        let request =
            headers.iter().fold(http.get(&path), |request, (name, value)| request.header(name, value));
        request.send().await
    };
    let answer = ask(&headers).await;
    ensure!(answer.status == 200, "it answers {} to {path}", answer.status);
    let mut note = None;
    if let Part::Packument { gzip, unchanged, .. } = question.of {
        ensure!(versions_in(&answer)? > 0, "its packument has no version");
        if gzip && answer.header("content-encoding").is_none() {
            note = Some("answers without compression".to_owned());
        }
        if unchanged {
            let etag = answer.header("etag").context("it sends no ETag")?;
            headers.push(("if-none-match", etag.to_owned()));
            let again = ask(&headers).await.status;
            ensure!(again == 304, "it answers {again} to its own ETag");
            note = None;
        }
    }
    let load = Load { url: format!("{}{path}", subject.base_url), headers };
    Ok((Prepared { load, note }, answer))
}

/// Where the registry says that it is.
async fn tarball_path(subject: &Subject, package: &str) -> anyhow::Result<String> {
    let token = subject.token.as_deref().unwrap_or_default();
    let request = HttpClient::new(&subject.base_url).get(&format!("/{package}")).bearer(token);
    let packument = request.header("accept", ABBREVIATED).header("accept-encoding", "identity").send().await;
    let packument = packument.json();
    let url = packument["versions"]["1.0.0"]["dist"]["tarball"].as_str().context("there is no tarball")?;
    let path = url.strip_prefix(&subject.base_url).with_context(|| format!("the tarball is at {url}"))?;
    Ok(path.to_owned())
}

fn versions_in(answer: &TestResponse) -> anyhow::Result<usize> {
    let mut bytes = answer.body.to_vec();
    match answer.header("content-encoding") {
        None => {}
        Some("gzip") => {
            bytes.clear();
            GzDecoder::new(&*answer.body).read_to_end(&mut bytes)?;
        }
        Some(other) => anyhow::bail!("it compresses with {other}"),
    }
    let packument: Value = serde_json::from_slice(&bytes)?;
    Ok(packument["versions"].as_object().map_or(0, serde_json::Map::len))
}

/// Gives nginx the bytes that this server answers.
fn copy_to(nginx: &Nginx, question: &Question, answer: Option<TestResponse>) -> anyhow::Result<Prepared> {
    let answer = answer.context("this server gave no answer to copy")?;
    let name: String =
        question.what.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '-' }).collect();
    let mut headers = Vec::new();
    match question.of {
        Part::Packument { gzip: true, .. } => {
            ensure!(answer.header("content-encoding") == Some("gzip"), "this server does not compress");
            headers.push(("accept-encoding", "gzip, deflate".to_owned()));
            nginx.put(&format!("{name}.gz"), &answer.body)?;
        }
        _ => nginx.put(&name, &answer.body)?,
    }
    if let Part::Packument { unchanged: true, .. } = question.of {
        // Whatever the ETag, nginx does the same work, which is to look at the file.
        headers.push(("if-none-match", "*".to_owned()));
    }
    let url = format!("{}/{name}", nginx.base_url());
    Ok(Prepared { load: Load { url, headers }, note: None })
}
