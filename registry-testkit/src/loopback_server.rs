use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use registry_core::error::BoxError;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// A port of this machine that is listened on, and that no server answers at yet.
#[derive(Debug)]
pub(crate) struct LoopbackPort {
    listener: TcpListener,
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

/// HTTP on a port of this machine, answered by a function. It ends, with all its connections, when it is dropped.
#[derive(Debug)]
pub(crate) struct LoopbackServer {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    listening: JoinHandle<()>,
}

impl LoopbackPort {
    /// One that was free.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[expect(clippy::expect_used, reason = "without a port there is nothing to test")]
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port to listen on");
        let address = listener.local_addr().expect("the address of a listener");
        Self { listener, address, connections: Arc::default() }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers with `answer` from now on. An answer that is an error breaks its connection.
    pub(crate) fn serve<Answering, Content>(
        self,
        answer: impl Fn(Request<Incoming>) -> Answering + Clone + Send + 'static,
    ) -> LoopbackServer
    where
        Answering: Future<Output = io::Result<Response<Content>>> + Send + 'static,
        Content: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let Self { listener, address, connections } = self;
        let listening = tokio::spawn(listen(listener, Arc::clone(&connections), answer));
        LoopbackServer { address, connections, listening }
    }

    /// The same for an answer that wants requests whole.
    pub(crate) fn serve_whole<Answering>(
        self,
        answer: impl Fn(Request<Bytes>) -> Answering + Clone + Send + Sync + 'static,
    ) -> LoopbackServer
    where
        Answering: Future<Output = io::Result<Response<Full<Bytes>>>> + Send + 'static,
    {
        self.serve(move |request: Request<Incoming>| {
            let answer = answer.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
                answer(Request::from_parts(head, body)).await
            }
        })
    }
}

impl LoopbackServer {
    /// Its URL, without a `/` at the end.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Breaks every connection and takes no more.
    pub(crate) fn go_away(&self) {
        self.listening.abort();
    }

    /// Goes away, and listens at the same address again.
    ///
    /// # Panics
    ///
    /// If another process took the port meanwhile.
    #[expect(clippy::expect_used, reason = "without the port there is nothing to test")]
    pub(crate) async fn reopen(&mut self) -> LoopbackPort {
        self.go_away();
        // It has let go of the port once it has ended; that it was told to is no news.
        let _ = (&mut self.listening).await;
        let listener = TcpListener::bind(self.address).await.expect("the port that was ours");
        LoopbackPort { listener, address: self.address, connections: Arc::clone(&self.connections) }
    }

    /// How many connections were opened so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for LoopbackServer {
    fn drop(&mut self) {
        self.go_away();
    }
}

/// Serves connections, which end with this.
async fn listen<Answering, Content>(
    listener: TcpListener,
    opened: Arc<AtomicUsize>,
    answer: impl Fn(Request<Incoming>) -> Answering + Clone + Send + 'static,
) where
    Answering: Future<Output = io::Result<Response<Content>>> + Send + 'static,
    Content: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        opened.fetch_add(1, Ordering::Relaxed);
        let answer = answer.clone();
        connections.spawn(async move {
            // That a client went away, or was hung up on, is part of a test.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await;
        });
        while connections.try_join_next().is_some() {}
    }
}
