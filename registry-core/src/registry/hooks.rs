use crate::auth::Caller;
use crate::error::HookError;
use crate::hooks::{Hook, HookRequest, HookRouter, HookTarget, Hooks};
use crate::{Error, Registry};

/// The hooks of accounts. Every operation fails with [`HookError::Off`] unless
/// [`RegistryBuilder::hooks`](crate::RegistryBuilder::hooks) turns them on.
impl Registry {
    /// Makes a hook of the caller's account. Requires a one-time password where the account has a second factor.
    ///
    /// # Errors
    ///
    /// If name, endpoint or secret are invalid, the endpoint is at no public address, or the account has too many hooks.
    pub async fn create_hook(&self, caller: &Caller, request: HookRequest) -> Result<Hook, Error> {
        self.hooks()?.create(caller, request).await
    }

    /// Returns the hooks of the caller's account, or those of them for this package, the oldest first.
    pub async fn list_hooks(&self, caller: &Caller, package: Option<&str>) -> Result<Vec<Hook>, Error> {
        self.hooks()?.list(caller, package).await
    }

    /// Returns a hook of the caller's account.
    pub async fn find_hook(&self, caller: &Caller, id: &str) -> Result<Hook, Error> {
        self.hooks()?.find(caller, id).await
    }

    /// Changes endpoint and secret of a hook of the caller's account, as [`Registry::create_hook`] sets them. What waits for
    /// the hook is posted again at once.
    pub async fn update_hook(&self, caller: &Caller, id: &str, target: HookTarget) -> Result<Hook, Error> {
        self.hooks()?.update(caller, id, target).await
    }

    /// Deletes a hook of the caller's account, and what waits for it.
    pub async fn delete_hook(&self, caller: &Caller, id: &str) -> Result<Hook, Error> {
        self.hooks()?.delete(caller, id).await
    }

    /// Delivers to hooks what waits for them, and what the feed has.
    pub(super) async fn deliver_to_hooks(&self) {
        if let Ok(hooks) = self.hooks() {
            // Not with the other sinks: a dead one would delay all hooks.
            self.parts.changes.deliver_to(HookRouter::NAME).await;
            hooks.deliver().await;
        }
    }

    /// Removes the hooks of an account that is gone.
    pub(super) async fn remove_hooks_of(&self, account: &str) -> Result<(), Error> {
        match self.hooks() {
            Ok(hooks) => hooks.remove_all_of(account).await,
            Err(_) => Ok(()),
        }
    }

    fn hooks(&self) -> Result<Hooks, Error> {
        let parts = self.parts.hooks.as_ref().ok_or(HookError::Off)?;
        Ok(Hooks::new(parts, &self.authorization))
    }
}
