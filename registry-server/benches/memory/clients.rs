use std::fmt;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted {
    Identity,
    Gzip,
    AbbreviatedGzip,
}

impl Wanted {
    pub(crate) const ALL: [Self; 3] = [Self::Identity, Self::Gzip, Self::AbbreviatedGzip];

    fn headers(self) -> &'static str {
        match self {
            Self::Identity => "accept: application/json\r\naccept-encoding: identity\r\n",
            Self::Gzip => "accept: application/json\r\naccept-encoding: gzip\r\n",
            Self::AbbreviatedGzip => {
                "accept: application/vnd.npm.install-v1+json\r\naccept-encoding: gzip\r\n"
            }
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Identity => "full, identity",
            Self::Gzip => "full, gzip",
            Self::AbbreviatedGzip => "abbreviated, gzip",
        })
    }
}

/// Opens all connections, asks on all of them in one moment, and reads every answer to its end.
pub(crate) async fn ask_at_once(base_url: &str, clients: usize, wanted: Wanted) -> anyhow::Result<()> {
    let address = base_url.strip_prefix("http://").context("the server speaks plain HTTP")?;
    let together = Arc::new(Barrier::new(clients));
    let mut asking = JoinSet::new();
    for _ in 0..clients {
        asking.spawn(ask(address.to_owned(), wanted, Arc::clone(&together)));
    }
    while let Some(asked) = asking.join_next().await {
        asked??;
    }
    Ok(())
}

async fn ask(address: String, wanted: Wanted, together: Arc<Barrier>) -> anyhow::Result<()> {
    let mut connection = TcpStream::connect(&address).await?;
    together.wait().await;
    let request =
        format!("GET /pear HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{}\r\n", wanted.headers());
    connection.write_all(request.as_bytes()).await?;
    let mut chunk = vec![0; 64 << 10];
    let mut begin = Vec::new();
    let mut received = 0_usize;
    loop {
        let length = connection.read(&mut chunk).await?;
        if length == 0 {
            break;
        }
        received += length;
        begin.extend_from_slice(&chunk[..length.min(1024_usize.saturating_sub(begin.len()))]);
    }
    let head = String::from_utf8_lossy(&begin);
    ensure!(head.starts_with("HTTP/1.1 200 "), "the server answered {head}");
    ensure!(received > 100_000, "only {received} bytes came");
    Ok(())
}
