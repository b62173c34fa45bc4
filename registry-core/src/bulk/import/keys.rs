use crate::Error;

use super::Importing;

impl Importing {
    /// Lets this registry list the keys that the source signs with, once, so that clients can verify the signatures that come from
    /// there. A source that does not tell them is imported all the same.
    pub(super) async fn learn_keys(&self) -> Result<(), Error> {
        if !self.packages.signs() {
            return Ok(());
        }
        let learned = self.keys_learned.get_or_try_init(async || match self.source.keys().await {
            Ok(Some(keys)) => self.packages.learn_keys(&keys).await,
            Ok(None) => Ok(()),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(source = %self.source, error, "clients cannot verify signatures of the source, because it does not tell its keys");
                Ok(())
            }
        });
        learned.await.copied()
    }
}
