use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::watch;

/// What a running command has printed so far, for a test that acts on it before the command ends: opens a page that it
/// names, for one.
#[derive(Debug, Clone)]
pub struct Screen(watch::Sender<Shown>);

#[derive(Debug, Default)]
struct Shown {
    text: Vec<u8>,
    ended: bool,
}

impl Screen {
    /// Nothing printed yet.
    #[expect(clippy::new_without_default, reason = "a screen that nothing writes to waits for ever")]
    pub fn new() -> Self {
        Self(watch::Sender::new(Shown::default()))
    }

    /// Waits until the command has printed an address that goes on with `length` characters after `before`, and answers
    /// the whole of it.
    ///
    /// # Panics
    ///
    /// If the command ends without.
    pub async fn address(&self, before: &str, length: usize) -> String {
        let mut shown = self.0.subscribe();
        loop {
            {
                let now = shown.borrow_and_update();
                let text = String::from_utf8_lossy(&now.text);
                let mut found = text.match_indices(before).map(|(at, _)| &text[at..]);
                let whole = |text: &str| text.get(..before.len() + length).map(str::to_owned);
                if let Some(address) = found.find_map(whole) {
                    return address;
                }
                assert!(!now.ended, "it ended without an address:\n{text}");
            }
            // This holds a sender itself, so the wait can only end with a change.
            let _ = shown.changed().await;
        }
    }

    pub(super) fn end(&self) {
        self.0.send_modify(|shown| shown.ended = true);
    }
}

/// A stream of which all that is read is also shown on a screen, if there is one.
pub(super) struct Watched<Inner> {
    pub(super) inner: Inner,
    pub(super) screen: Option<Screen>,
}

impl<Inner: AsyncRead + Unpin> AsyncRead for Watched<Inner> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        if let Some(screen) = &self.screen {
            let read = &buffer.filled()[before..];
            screen.0.send_modify(|shown| shown.text.extend_from_slice(read));
        }
        Poll::Ready(Ok(()))
    }
}
