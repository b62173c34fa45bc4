use std::sync::Arc;

use tokio::sync::watch;

/// Holds an operation back until a test lets it go, and tells the test when the operation has come.
#[derive(Debug, Clone)]
pub struct Gate {
    reached: Arc<watch::Sender<bool>>,
    open: Arc<watch::Sender<bool>>,
}

impl Gate {
    /// A closed gate.
    #[expect(clippy::new_without_default, reason = "a gate is made to be shared, not to be filled in")]
    pub fn new() -> Self {
        Self { reached: Arc::new(watch::Sender::new(false)), open: Arc::new(watch::Sender::new(false)) }
    }

    /// Waits until an operation stands at the gate.
    pub async fn reached(&self) {
        // Fails only when the sender is gone, and this holds it.
        self.reached.subscribe().wait_for(|reached| *reached).await.ok();
    }

    /// Lets the operation go on, and all that come later.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    pub(super) async fn pass(&self) {
        self.reached.send_replace(true);
        self.open.subscribe().wait_for(|open| *open).await.ok();
    }
}
