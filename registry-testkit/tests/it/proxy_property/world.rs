use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::TryStreamExt as _;
use futures::future::join_all;
use http::Request;
use http_body_util::BodyExt as _;
use registry_core::access::AccessRules;
use registry_core::domain::Integrity;
use registry_core::storage::{BlobPath, BlobPrefix, BlobStore as _, ObjectStoreBlobs};
use registry_core::{Body, Registry};
use registry_testkit::{FixedClock, ScriptedUpstream, SeededRandomness};

use super::action::Action;
use super::watched::{Named, Watched, named};

const VERSIONS: [&str; 4] = ["1.0.0", "1.1.0", "2.0.0", "3.0.0-rc.1"];

/// What tarballs are made of. Long enough that a client who takes nothing holds the others up.
const BYTES: [&[u8]; 5] = [
    b"the first bytes of a tarball, which are long enough to come in many pieces",
    b"other bytes of a tarball, which are also long enough to come in many pieces",
    b"these are shorter, and still come in pieces",
    b"x",
    b"the last bytes of a tarball, which are long enough to come in many pieces..",
];

const CLIENTS: usize = 3;

pub(super) struct World {
    registry: Registry,
    upstream: Watched,
    store: ObjectStoreBlobs,
    clock: Arc<FixedClock>,
    clients: [Option<Given>; CLIENTS],
    transfers: Vec<Transfer>,
    is_down: bool,
    /// How many packuments upstream had handed out when nothing was left to do in the background. One that came
    /// since then may be known to the registry already, or be on its way through it.
    settled: usize,
}

/// The packument that a client has.
#[derive(Debug, Clone)]
struct Given {
    named: Named,
    /// How many of upstream's packuments were surely known when the client got it.
    after: usize,
}

/// A tarball on its way to a client.
struct Transfer {
    version: String,
    given: Given,
    /// The same when it was asked for.
    begun: usize,
    promised: usize,
    received: Vec<u8>,
    /// In a mutex for nothing but that the world may be shared between threads.
    body: Mutex<Body>,
}

type Told = Result<(), String>;

impl World {
    pub(super) fn new() -> Self {
        let upstream = Watched::default();
        upstream.script.publish("pear", VERSIONS[0], BYTES[0]);
        let (store, clock) = (ObjectStoreBlobs::in_memory(), Arc::new(FixedClock::new()));
        let registry = Registry::builder(Arc::new(store.clone()))
            .upstream("npm", Arc::new(upstream.clone()))
            .access(AccessRules::open_to_all_in_front_of("npm"))
            .clock(Arc::<FixedClock>::clone(&clock))
            .randomness(Arc::new(SeededRandomness::new(1)))
            .build();
        let clients = [const { None }; CLIENTS];
        Self { registry, upstream, store, clock, clients, transfers: Vec::new(), is_down: false, settled: 0 }
    }

    pub(super) async fn act(&mut self, action: Action) -> Told {
        let script = &self.upstream.script;
        let version = |version: usize| VERSIONS[version % VERSIONS.len()];
        let bytes = |bytes: usize| BYTES[bytes % BYTES.len()];
        match action {
            Action::Publish { version: new, bytes: of } | Action::Republish { version: new, bytes: of } => {
                script.publish("pear", version(new), bytes(of));
            }
            Action::Spoil { version: spoilt, bytes: of } => {
                script.replace_tarball("pear", version(spoilt), bytes(of));
            }
            Action::Withdraw { version: gone } => script.withdraw("pear", version(gone)),
            Action::Deprecate { version: old } => script.deprecate("pear", version(old), "too old"),
            Action::Down(is_down) => {
                self.is_down = is_down;
                script.set_down(is_down);
            }
            Action::Cut(bytes) => script.cut_tarballs_after(bytes),
            Action::EmptyPieces(are_sent) => script.end_tarballs_with_an_empty_piece(are_sent),
            Action::Evict(which) => self.evict(which).await,
            Action::Wait { seconds } => self.wait(seconds),
            Action::Yield(times) => {
                for _ in 0..times {
                    tokio::task::yield_now().await;
                }
            }
            Action::Settle => self.settle().await,
            Action::ReadPackument { client, full } => self.read_packument(client % CLIENTS, full).await?,
            Action::ReadTogether { full } => self.read_together(full).await?,
            Action::BeginTarball { client, version } => self.begin_tarball(client % CLIENTS, version).await?,
            Action::Pull { transfer, pieces } => self.pull(transfer, pieces).await?,
            Action::Abort { transfer } => {
                if !self.transfers.is_empty() {
                    self.transfers.swap_remove(transfer % self.transfers.len());
                }
            }
        }
        Ok(())
    }

    /// Everybody takes the rest. Then, with upstream well and the old forgotten, all is as upstream has it.
    pub(super) async fn end(mut self) -> Told {
        while !self.transfers.is_empty() {
            self.pull(0, usize::MAX).await?;
        }
        reset(&self.upstream.script);
        self.is_down = false;
        for version in VERSIONS {
            self.upstream.script.withdraw("pear", version);
        }
        self.upstream.script.publish("pear", VERSIONS[0], BYTES[1]);
        self.settle().await;
        self.wait(90_000);
        for full in [true, false] {
            self.read_packument(0, full).await?;
            self.settle().await;
            let given = self.clients[0].clone().ok_or("no packument came from an upstream that is well")?;
            if given.named.keys().collect::<Vec<_>>() != [VERSIONS[0]] {
                return Err(format!("at the end the packument has {:?}", given.named));
            }
            self.begin_tarball(0, 0).await?;
            let Some(transfer) = self.transfers.first() else { return Err("no tarball at the end".into()) };
            if transfer.promised != BYTES[1].len() {
                return Err("another tarball at the end".into());
            }
            self.pull(0, usize::MAX).await?;
        }
        Ok(())
    }

    fn wait(&mut self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        if seconds >= 700 && !self.is_down {
            // Nothing is believed for so long that was served for want of an answer.
            self.upstream.forget_failures();
        }
    }

    async fn evict(&self, which: usize) {
        let kept = BlobPrefix::folder(BlobPath::parse("_upstream").unwrap());
        let listed: Vec<_> = self.store.list(&kept).try_collect().await.unwrap();
        if !listed.is_empty() {
            self.store.delete(&listed[which % listed.len()].path).await.unwrap();
        }
    }

    /// Lets the work in the background come to its end.
    async fn settle(&mut self) {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        self.settled = self.upstream.packuments().len();
    }

    async fn read_packument(&mut self, client: usize, full: bool) -> Told {
        let answer = read(&self.registry, full).await?;
        self.given(client, answer)
    }

    async fn read_together(&mut self, full: bool) -> Told {
        let registry = &self.registry;
        let answers = join_all((0..CLIENTS).map(|_| read(registry, full))).await;
        for (client, answer) in answers.into_iter().enumerate() {
            self.given(client, answer?)?;
        }
        Ok(())
    }

    fn given(&mut self, client: usize, answer: Option<Named>) -> Told {
        let packuments = self.upstream.packuments();
        let Some(named) = answer else {
            return if self.upstream.failed() { Ok(()) } else { Err("a packument was refused".into()) };
        };
        let last = self.settled.saturating_sub(1);
        if !self.upstream.failed() && !packuments[last..].contains(&named) {
            return Err(format!(
                "a client was given {named:?}, and upstream said {:?} last",
                packuments[last..].last()
            ));
        }
        self.clients[client] = Some(Given { named, after: self.settled });
        Ok(())
    }

    async fn begin_tarball(&mut self, client: usize, version: usize) -> Told {
        let Some(given) = self.clients[client].clone() else { return Ok(()) };
        let Some(version) = given.named.keys().nth(version % given.named.len().max(1)).cloned() else {
            return Ok(());
        };
        let begun = self.settled;
        let request = Request::get(format!("/pear/-/pear-{version}.tgz")).body(Body::empty()).unwrap();
        let response = self.registry.handle(request).await;
        match response.status().as_u16() {
            200 => {}
            404 | 502 | 503 => return Ok(()),
            status => return Err(format!("a tarball was answered with {status}")),
        }
        let promised = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
        let body = Mutex::new(response.into_body());
        self.transfers.push(Transfer { version, given, begun, promised, received: Vec::new(), body });
        Ok(())
    }

    async fn pull(&mut self, transfer: usize, pieces: usize) -> Told {
        if self.transfers.is_empty() {
            return Ok(());
        }
        let at = transfer % self.transfers.len();
        let transfer = &mut self.transfers[at];
        for _ in 0..pieces {
            // A client has it all once it has as many bytes as it was promised, and waits for no end after them.
            if transfer.received.len() >= transfer.promised {
                let whole = self.transfers.swap_remove(at);
                return self.check(&whole);
            }
            let Some(Ok(frame)) = transfer.body.get_mut().unwrap().frame().await else {
                // It broke off.
                self.transfers.swap_remove(at);
                return Ok(());
            };
            transfer.received.extend_from_slice(&frame.into_data().unwrap());
        }
        Ok(())
    }

    /// A client has a whole tarball.
    fn check(&self, whole: &Transfer) -> Told {
        let Transfer { version, given, begun, received, .. } = whole;
        let digest = Integrity::of(received).to_string();
        let packuments = self.upstream.packuments();
        let named_by = |packument: &Named| packument.get(version) == Some(&digest);
        if !packuments.iter().any(named_by) {
            return Err(format!("{version}: upstream never named these bytes"));
        }
        // While upstream fails, what it said last may be out of reach.
        if self.upstream.failed() {
            return Ok(());
        }
        // What a client was given can be out of date only since upstream said something else.
        let later = &packuments[given.after..];
        if given.named.get(version) != Some(&digest) && !later.iter().any(named_by) {
            return Err(format!("{version}: not the bytes that the client's packument names"));
        }
        let last = begun.saturating_sub(1);
        if !packuments[last..].iter().any(|packument| packument.contains_key(version)) {
            return Err(format!("{version}: it was withdrawn before the tarball was asked for"));
        }
        Ok(())
    }
}

fn reset(script: &ScriptedUpstream) {
    script.set_down(false);
    script.cut_tarballs_after(None);
    script.end_tarballs_with_an_empty_piece(false);
}

/// What a packument names; `None` where it cannot be had.
async fn read(registry: &Registry, full: bool) -> Result<Option<Named>, String> {
    let accept = if full { "*/*" } else { "application/vnd.npm.install-v1+json" };
    let request = Request::get("/pear").header("accept", accept).header("host", "here.example");
    let response = registry.handle(request.body(Body::empty()).unwrap()).await;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    match status {
        200 => Ok(Some(named(&body))),
        503 => Ok(None),
        status => Err(format!("a packument was answered with {status}: {}", String::from_utf8_lossy(&body))),
    }
}
