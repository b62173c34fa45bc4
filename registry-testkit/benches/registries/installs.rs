use std::time::Instant;

use anyhow::{Context as _, ensure};
use registry_testkit::benchmark::{Better, Cell, Row, processor_seconds};
use registry_testkit::clients::{Client, NPM, PNPM};

use crate::Bench;
use crate::application::{Application, NPM_CI, PNPM_INSTALL};
use crate::subjects::{Kind, Subject};

/// Who installs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Installer {
    Npm,
    Pnpm,
}

/// What one did in one round, in seconds.
#[derive(Debug, Clone, Copy)]
struct Round {
    cold: Took,
    warm: Took,
}

/// One install.
#[derive(Debug, Clone, Copy)]
struct Took {
    seconds: f64,
    /// Of the processor, by the registry alone.
    registry_seconds: f64,
}

/// The application with the client's cache empty: with the registry's cache empty too, and with it full. nginx is the
/// upstream itself, without anything in front of it.
pub(crate) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    for (installer, command) in [(Installer::Npm, "npm ci"), (Installer::Pnpm, "pnpm install")] {
        let mut rounds: Vec<Result<Vec<Round>, String>> = vec![Ok(Vec::new()); Kind::ALL.len()];
        for round in 1..=bench.options.install_rounds {
            for (kind, rounds) in Kind::ALL.iter().zip(&mut rounds) {
                let Ok(so_far) = rounds else { continue };
                match install_twice(bench, *kind, installer).await {
                    Ok(took) => {
                        let (cold, warm) = (took.cold.seconds, took.warm.seconds);
                        let column = kind.column();
                        println!("round {round}  {command:<54} {column:<12} {cold:.1} s, then {warm:.1} s");
                        so_far.push(took);
                    }
                    Err(error) => *rounds = Err(format!("{error:#}")),
                }
            }
        }
        record(bench, command, &rounds);
        bench.promise_ratio_at_most(&format!("{command}, cold"), Kind::Nginx, 1.15);
        bench.promise_ratio_at_most(&format!("{command}, warm"), Kind::Nginx, 1.0);
    }
    Ok(())
}

/// Which number of a round.
type Number = fn(&Round) -> f64;

fn record(bench: &mut Bench, command: &str, rounds: &[Result<Vec<Round>, String>]) {
    let numbers: [(&str, Number); 4] = [
        ("cold", |round| round.cold.seconds),
        ("warm", |round| round.warm.seconds),
        ("cold, processor time of the registry", |round| round.cold.registry_seconds),
        ("warm, processor time of the registry", |round| round.warm.registry_seconds),
    ];
    for (what, number) in numbers {
        let cells = rounds
            .iter()
            .map(|rounds| match rounds {
                Ok(rounds) => Cell::Rounds(rounds.iter().map(number).collect()),
                Err(reason) => Cell::Absent(reason.clone()),
            })
            .collect();
        bench.table.push(Row { what: format!("{command}, {what}"), unit: "s", better: Better::Less, cells });
    }
}

async fn install_twice(bench: &Bench, kind: Kind, installer: Installer) -> anyhow::Result<Round> {
    if kind == Kind::Nginx {
        let (base_url, process) = (bench.fixture.base_url(), bench.fixture.id());
        let cold = install(&bench.fixture.application, installer, &base_url, None, process).await?;
        let warm = install(&bench.fixture.application, installer, &base_url, None, process).await?;
        return Ok(Round { cold, warm });
    }
    let subject = Subject::start(kind, &bench.tools, &bench.fixture.base_url()).await?;
    let token = Some(subject.token.as_deref().context("it knows no account")?);
    let (url, process) = (&subject.base_url, subject.id()?);
    let cold = install(&bench.fixture.application, installer, url, token, process).await?;
    let warm = install(&bench.fixture.application, installer, url, token, process).await?;
    Ok(Round { cold, warm })
}

/// One install, by a client that has never run before.
async fn install(
    application: &Application,
    installer: Installer,
    base_url: &str,
    token: Option<&str>,
    process: u32,
) -> anyhow::Result<Took> {
    let pinned = if installer == Installer::Npm { NPM } else { PNPM };
    let client = match token {
        Some(token) => Client::with_token(&pinned, base_url, token).await,
        None => Client::new(&pinned, base_url).await,
    };
    let (project, arguments): (_, &'static [&str]) = match installer {
        Installer::Npm => (application.for_npm(client.home()), &NPM_CI),
        Installer::Pnpm => (Application::for_pnpm(client.home()), &PNPM_INSTALL),
    };
    let before = processor_seconds(process)?;
    let started = Instant::now();
    // A client that takes too long panics.
    let running = tokio::spawn(async move { (client.run_in(&project, arguments).await, project, client) });
    let (output, project, _client) = running.await.context("the install took longer than two minutes")?;
    let seconds = started.elapsed().as_secs_f64();
    ensure!(output.status.success(), "the install failed: {output}");
    ensure!(project.join("node_modules/webpack/package.json").is_file(), "nothing was installed: {output}");
    Ok(Took { seconds, registry_seconds: processor_seconds(process)? - before })
}
