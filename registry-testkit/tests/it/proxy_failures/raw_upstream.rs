use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// A server that says what no good one could be made to: these bytes, to every client.
pub(super) struct RawUpstream {
    pub(super) base_url: String,
    listening: AbortHandle,
}

impl RawUpstream {
    pub(super) async fn start(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let listening = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else { break };
                    head.push(byte);
                }
                // A client that has enough may hang up before the end.
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { base_url, listening: listening.abort_handle() }
    }
}

impl Drop for RawUpstream {
    fn drop(&mut self) {
        self.listening.abort();
    }
}
