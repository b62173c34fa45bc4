//! Takes connections and speaks HTTP/1.1 and HTTP/2 over them, until told to stop.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::io;
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

use crate::front::{Front, Handler};
use crate::settings::ServerSettings;

/// Bytes that the head of a request may have, and of a body that a connection reads ahead.
const BUFFER_BYTES: usize = 64 << 10;

/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 256;

/// How long to wait when no connection can be taken, which is mostly for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` is ready, then stops to accept and waits for requests in flight, for a bounded time.
pub(crate) async fn serve<H: Handler>(
    listener: TcpListener,
    front: Arc<Front<H>>,
    settings: &ServerSettings,
    stop: impl Future<Output = ()>,
) {
    let http = http_builder(settings);
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let connection = Connection {
                        http: http.clone(),
                        front: Arc::clone(&front),
                        watcher: connections.watcher(),
                        patience: settings.header_read_time(),
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
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(BUFFER_BYTES).unwrap_or(u32::MAX));
    builder
}

/// A connection that was already gone concerns nobody; anything else is the machine's own trouble and may last.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        return;
    }
    tracing::error!(%error, "cannot take a connection");
    tokio::time::sleep(PAUSE).await;
}

struct Connection<H> {
    http: Builder<TokioExecutor>,
    front: Arc<Front<H>>,
    watcher: Watcher,
    patience: Duration,
}

impl<H: Handler> Connection<H> {
    async fn run(self, stream: TcpStream, peer: SocketAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "the connection ended before it began");
            return;
        }
        let asked = AtomicBool::new(false);
        let service = service_fn(|request| {
            asked.store(true, Ordering::Relaxed);
            let front = Arc::clone(&self.front);
            async move { Ok::<_, Infallible>(front.answer(peer, request).await) }
        });
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        let ended = tokio::select! {
            ended = self.watcher.watch(connection) => ended,
            () = never_asked(&asked, self.patience) => Ok(()),
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, error, "the connection broke");
        }
    }
}

/// Ready when `patience` has passed without a request. The HTTP implementation waits without end for the bytes by
/// which it tells HTTP/1.1 from HTTP/2.
async fn never_asked(asked: &AtomicBool, patience: Duration) {
    tokio::time::sleep(patience).await;
    if asked.load(Ordering::Relaxed) {
        pending::<()>().await;
    }
}
