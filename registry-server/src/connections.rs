//! Accepts connections and serves HTTP/1.1 and HTTP/2 on them until stopped.

mod activity;
mod places;

use std::convert::Infallible;
use std::future::{Future, pending};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};

use self::activity::{Activity, Counted, Delivered, Pace};
use self::places::{Place, Places};
use crate::front::{Front, Handler};
use crate::settings::ServerSettings;

/// The most bytes of a request's head, and of a body that a connection reads ahead.
const BUFFER_BYTES: usize = 64 << 10;

/// The most HTTP/2 streams that a client may open and reset before the server has accepted them.
const RESETS: usize = 20;

/// The most HTTP/2 streams that the server resets for a client's errors.
const ERRORS: usize = 256;

/// The answer to a client beyond the connection limit.
const TOO_MANY: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: 87\r\n\
                        retry-after: 5\r\nconnection: close\r\n\r\n\
                        {\"error\":\"there are too many connections to this registry; try again in a few seconds\"}";

/// The pause after a failed accept, which is mostly due to a lack of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` completes, then stops accepting and waits for requests in flight, for a bounded time.
pub(crate) async fn serve<H: Handler>(
    listener: TcpListener,
    front: Arc<Front<H>>,
    settings: &ServerSettings,
    stop: impl Future<Output = ()>,
) {
    let http = http_builder(settings);
    let connections = GracefulShutdown::new();
    let places = Places::new(settings.connections, settings.connections_per_address);
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let Some(place) = places.take(peer.ip(), front.is_proxy(peer.ip())) else {
                        refuse(stream, peer);
                        continue;
                    };
                    let connection = Connection {
                        http: http.clone(),
                        front: Arc::clone(&front),
                        watcher: connections.watcher(),
                        patience: settings.header_read_time(),
                        pace: Pace { window: settings.progress_time(), least: settings.least_progress() },
                        _place: place,
                    };
                    tokio::spawn(connection.run(stream, peer));
                }
                Err(error) => pause_after(&error).await,
            },
        }
    }
    front.begin_to_stop();
    drop(listener);
    tracing::info!("stopping: waiting for requests in flight");
    if tokio::time::timeout(settings.shutdown_time(), connections.shutdown()).await.is_err() {
        tracing::warn!("requests in flight did not end within {} s and are cut", settings.shutdown_seconds);
    }
}

fn http_builder(settings: &ServerSettings) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_read_time())
        .max_buf_size(BUFFER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(settings.header_read_time())
        .max_concurrent_streams(settings.streams_per_connection.get())
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(ERRORS)
        .max_header_list_size(u32::try_from(BUFFER_BYTES).unwrap_or(u32::MAX));
    builder
}

/// A connection that is already gone needs no action; any other error is one of the machine and may persist.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        return;
    }
    tracing::error!(%error, "cannot take a connection");
    tokio::time::sleep(PAUSE).await;
}

/// Rejects a connection beyond the limit, with an answer as far as the client reads it.
fn refuse(stream: TcpStream, peer: SocketAddr) {
    // Nothing was sent on this connection yet, so the text fits into its buffer and the write does not block.
    let told = stream.into_std().and_then(|mut stream| stream.write_all(TOO_MANY.as_bytes()));
    tracing::debug!(%peer, told = told.is_ok(), "too many connections: rejected one");
}

struct Connection<H> {
    http: Builder<TokioExecutor>,
    front: Arc<Front<H>>,
    watcher: Watcher,
    patience: Duration,
    pace: Pace,
    _place: Place,
}

impl<H: Handler> Connection<H> {
    async fn run(self, stream: TcpStream, peer: SocketAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "the connection ended before it began");
            return;
        }
        let asked = AtomicBool::new(false);
        let activity = Arc::new(Activity::default());
        let service = service_fn(|request| {
            asked.store(true, Ordering::Relaxed);
            activity.count_request();
            let (front, activity) = (Arc::clone(&self.front), Arc::clone(&activity));
            async move {
                let working = activity.work();
                let response = front.answer(peer, request).await;
                drop(working);
                Ok::<_, Infallible>(response.map(|body| Delivered::new(body, activity)))
            }
        });
        let stream = TokioIo::new(Counted::new(stream, Arc::clone(&activity)));
        let connection = self.http.serve_connection(stream, service);
        let ended = tokio::select! {
            ended = self.watcher.watch(connection) => ended,
            () = never_asked(&asked, self.patience) => Ok(()),
            () = activity.stalls(self.pace) => {
                tracing::debug!(%peer, "closing a connection: the client neither sent a request nor read an answer");
                Ok(())
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, error, "the connection broke");
        }
    }
}

/// Completes when `patience` has passed without a request. The HTTP implementation has no timeout for the bytes that
/// distinguish HTTP/1.1 from HTTP/2.
async fn never_asked(asked: &AtomicBool, patience: Duration) {
    tokio::time::sleep(patience).await;
    if asked.load(Ordering::Relaxed) {
        pending::<()>().await;
    }
}
