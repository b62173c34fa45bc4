use bytes::Bytes;
use futures::TryStreamExt as _;
use futures::future::try_join_all;
use secrecy::ExposeSecret as _;
use url::Url;

use crate::Error;
use crate::auth::Caller;
use crate::concurrency::detached;
use crate::error::HookError;
use crate::outbound::check_public;
use crate::storage::{Blob, BlobDecision, Key, When};

use super::record::{HookRecord, parse};
use super::state::HookState;
use super::{Hook, HookRequest, HookSettings, HookTarget, Hooks};

impl Hooks {
    pub(crate) async fn create(&self, caller: &Caller, request: HookRequest) -> Result<Hook, Error> {
        let (hooks, caller) = (self.clone(), caller.clone());
        detached(async move { hooks.create_here(&caller, request).await }).await
    }

    async fn create_here(&self, caller: &Caller, request: HookRequest) -> Result<Hook, Error> {
        let account = self.require_change(caller).await?;
        request.check_name()?;
        let endpoint = self.check_target(&request.target).await?;
        let most = self.parts.settings.per_account;
        if self.ids_of(&account).await?.len() >= most {
            return Err(HookError::TooMany { most }.into());
        }
        let (id, now) = (self.new_id(), self.parts.clock.now());
        let HookRequest { sort, name, target } = request;
        let secret = self.seal(&id, &target)?;
        let record = HookRecord { account, sort, name, endpoint, secret, created: now, updated: now };
        // The record comes first: a marker without one is nothing. Without a marker, it is listed and called by none.
        let store = &self.parts.store;
        let _ = store.put(&Key::Hook(&id).path()?, to_json(&record)?, When::Absent).await?;
        for marker in [Key::HookOf(&record.account, &id), Key::HookAt(sort.as_str(), &record.name, &id)] {
            let _ = store.put(&marker.path()?, Bytes::new(), When::Always).await?;
        }
        Ok(shown(&id, record, &HookState::default()))
    }

    /// Returns the hooks of the caller, or those for `package`, the oldest first.
    pub(crate) async fn list(&self, caller: &Caller, package: Option<&str>) -> Result<Vec<Hook>, Error> {
        let account = self.accounts().require_account_read(caller)?.name.clone();
        let ids = self.ids_of(&account).await?;
        let hooks = ids.iter().map(async |id| {
            let Some(record) = self.record(id).await?.filter(|record| record.account == account) else {
                return Ok(None);
            };
            Ok::<_, Error>(Some(shown(id, record, &self.state(id).await?)))
        });
        let mut hooks: Vec<_> = try_join_all(hooks).await?.into_iter().flatten().collect();
        hooks.retain(|hook| package.is_none_or(|package| hook.name == package));
        hooks.sort_by(|one, other| (one.created, &one.id).cmp(&(other.created, &other.id)));
        Ok(hooks)
    }

    pub(crate) async fn find(&self, caller: &Caller, id: &str) -> Result<Hook, Error> {
        let account = self.accounts().require_account_read(caller)?.name.clone();
        let record = self.own_record(&account, id).await?;
        Ok(shown(id, record, &self.state(id).await?))
    }

    pub(crate) async fn update(&self, caller: &Caller, id: &str, target: HookTarget) -> Result<Hook, Error> {
        let (hooks, caller, id) = (self.clone(), caller.clone(), id.to_owned());
        detached(async move { hooks.update_here(&caller, &id, &target).await }).await
    }

    async fn update_here(&self, caller: &Caller, id: &str, target: &HookTarget) -> Result<Hook, Error> {
        let account = self.require_change(caller).await?;
        self.own_record(&account, id).await?;
        let endpoint = self.check_target(target).await?;
        let (secret, now) = (self.seal(id, target)?, self.parts.clock.now());
        let decide = |stored: Option<&Blob>| -> Result<_, Error> {
            let Some(mut record) = parse(stored)?.filter(|record| record.account == account) else {
                return Err(HookError::NotFound.into());
            };
            record.endpoint.clone_from(&endpoint);
            record.secret.clone_from(&secret);
            record.updated = now;
            Ok(BlobDecision::Write(to_json(&record)?, record))
        };
        let record = self.parts.store.update_with(&Key::Hook(id).path()?, decide).await?;
        self.forget_failures(id).await?;
        self.parts.dispatch.resume(id);
        Ok(shown(id, record, &self.state(id).await?))
    }

    pub(crate) async fn delete(&self, caller: &Caller, id: &str) -> Result<Hook, Error> {
        let (hooks, caller, id) = (self.clone(), caller.clone(), id.to_owned());
        detached(async move {
            let account = hooks.require_change(&caller).await?;
            let record = hooks.own_record(&account, &id).await?;
            let state = hooks.state(&id).await?;
            hooks.forget(&id, &record).await?;
            Ok(Hook { is_deleted: true, ..shown(&id, record, &state) })
        })
        .await
    }

    /// Removes all hooks of an account that is gone.
    pub(crate) async fn remove_all_of(&self, account: &str) -> Result<(), Error> {
        for id in self.ids_of(account).await? {
            match self.record(&id).await?.filter(|record| record.account == account) {
                Some(record) => self.forget(&id, &record).await?,
                None => self.parts.store.delete(&Key::HookOf(account, &id).path()?).await?,
            }
        }
        Ok(())
    }

    /// Removes a hook. What waits for it is removed by the next delivery.
    async fn forget(&self, id: &str, record: &HookRecord) -> Result<(), Error> {
        let HookRecord { account, sort, name, .. } = record;
        // The record goes first: from then on, nothing is delivered.
        let keys = [
            Key::Hook(id),
            Key::HookAt(sort.as_str(), name, id),
            Key::HookOf(account, id),
            Key::HookState(id),
        ];
        for key in keys {
            self.parts.store.delete(&key.path()?).await?;
        }
        Ok(())
    }

    /// Returns the account of a caller who may change it.
    async fn require_change(&self, caller: &Caller) -> Result<String, Error> {
        let account = self.accounts().require_account_change(caller)?.name.clone();
        self.accounts().require_two_factor(caller).await?;
        Ok(account)
    }

    async fn check_target(&self, target: &HookTarget) -> Result<Url, Error> {
        let endpoint = target.check()?;
        if !self.parts.settings.allow_private_addresses
            && check_public(&endpoint, &self.parts.caller.proxies).await.is_err()
        {
            return Err(Error::request(
                "the endpoint is not at a public address, so this registry does not post to it: use another one, or ask \
                 its operator to set allow_private_addresses",
            ));
        }
        Ok(endpoint)
    }

    fn seal(&self, id: &str, target: &HookTarget) -> Result<String, Error> {
        let HookSettings { key, .. } = &self.parts.settings;
        let sealed = key.seal(&*self.parts.randomness, id, target.secret.expose_secret());
        sealed.ok_or_else(|| Error::internal("the secret of a hook cannot be encrypted"))
    }

    async fn ids_of(&self, account: &str) -> Result<Vec<String>, Error> {
        let folder = Key::hooks_of(account)?;
        let found: Vec<_> = self.parts.store.list(&folder).try_collect().await?;
        let ids = found.iter().filter_map(|found| folder.remainder(&found.path).map(str::to_owned));
        Ok(ids.collect())
    }

    pub(super) async fn record(&self, id: &str) -> Result<Option<HookRecord>, Error> {
        if !is_id(id) {
            return Ok(None);
        }
        parse(self.parts.store.get_proven(&Key::Hook(id).path()?).await?.as_ref())
    }

    async fn own_record(&self, account: &str, id: &str) -> Result<HookRecord, Error> {
        let record = self.record(id).await?.filter(|record| record.account == account);
        record.ok_or_else(|| HookError::NotFound.into())
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn to_json(record: &HookRecord) -> Result<Bytes, Error> {
    Ok(serde_json::to_vec(record).map_err(Error::internal)?.into())
}

fn shown(id: &str, record: HookRecord, state: &HookState) -> Hook {
    let HookRecord { account, sort, name, endpoint, created, updated, secret: _ } = record;
    Hook {
        id: id.to_owned(),
        account,
        sort,
        name,
        endpoint,
        created,
        updated,
        last_delivery: state.last_delivery,
        response_code: state.response_code,
        is_delivered: state.delivered,
        is_deleted: false,
    }
}
