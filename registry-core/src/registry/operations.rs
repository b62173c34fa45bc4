use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::BoxStream;

use crate::auth::Caller;
#[cfg(feature = "signing")]
use crate::bulk::{ApplyOptions, BundleBuilder, BundleOptions, CheckedBundle};
use crate::bulk::{
    Bulk, BulkError, BulkMode, BulkParts, BulkStream, ImportOptions, ImportedPackage, MovedPackage,
    RewrittenObject, SentPackage, StorageInventory, TarballBase,
};
use crate::care::{
    Care, RetainError, RetainedPackage, RetentionRules, SignedPackage, StorageStats, SweepOptions,
    SweptLeftovers, SweptPackage, VerifiedPackage, VerifyOptions,
};
use crate::changes::{ChangePage, DeliveryState, stored_states};
use crate::domain::PackageName;
#[cfg(feature = "hooks")]
use crate::hooks::{FailingHook, failing_hooks};
use crate::measurements::Measurements;
use crate::proxy::CheckedUpstream;
#[cfg(feature = "signing")]
use crate::signing::{ListedKey, SigningKey, StoredKeys};
use crate::storage::BlobPath;
use crate::upstream::Upstream;
use crate::{Error, Registry};

use super::readiness::{Readiness, ReadinessFinding};

/// So many commits of this process that wait for the change feed are far more than a burst leaves.
const COMMITS_BEHIND: u64 = 1000;

impl Registry {
    /// Returns the name of every package that is, or was, hosted here, sorted.
    pub async fn hosted_packages(&self) -> Result<Vec<PackageName>, Error> {
        self.care().hosted_packages().await
    }

    /// Verifies the stored data of packages, in this order: reads the packument, and compares every tarball with its
    /// digests. Safe while other processes change the packages. Memory is bounded: one packument, and two tarballs in
    /// chunks.
    pub fn verify_packages(
        &self,
        names: Vec<PackageName>,
        options: VerifyOptions,
    ) -> BoxStream<'static, Result<VerifiedPackage, Error>> {
        self.care().verify_packages(names, options)
    }

    /// Deletes old tarballs of packages that no packument names, in this order. Safe while other processes publish, if
    /// they are older than any publish takes, and no clock is wrong: see [`Registry::clock_lead`].
    pub fn sweep_packages(
        &self,
        names: Vec<PackageName>,
        options: SweepOptions,
    ) -> BoxStream<'static, Result<SweptPackage, Error>> {
        self.care().sweep_packages(names, options)
    }

    /// Deletes what expired or was left over beside packages: browser sessions, tokens, records of exchanges, blobs of
    /// staged versions, and the upstream cache beyond its limit.
    pub async fn sweep_leftovers(&self, options: SweepOptions) -> Result<SweptLeftovers, Error> {
        self.care().sweep_leftovers(options).await
    }

    /// Removes the versions of packages that `rules` do not keep, in this order. Their numbers are never free again. Safe while other
    /// processes publish and set tags. Downloads that a process has not written yet are not known, see
    /// [`DownloadSettings::flush_every`](crate::downloads::DownloadSettings::flush_every).
    ///
    /// # Errors
    ///
    /// [`RequestError::NoDownloads`](crate::error::RequestError::NoDownloads) if a rule asks for downloads and this registry
    /// counts none; [`Error::Damaged`] if counts cannot be read.
    pub async fn retain_packages(
        &self,
        names: Vec<PackageName>,
        rules: RetentionRules,
        mode: BulkMode,
    ) -> Result<BoxStream<'static, Result<RetainedPackage, RetainError>>, Error> {
        self.care().retain_packages(names, rules, mode).await
    }

    /// Counts what the store holds, from one listing of it and with little memory, and what was downloaded.
    pub async fn storage_stats(&self) -> Result<StorageStats, Error> {
        self.care().storage_stats().await
    }

    /// Returns how far this process's clock is ahead of the store's; negative if it is behind. Writes a scratch blob.
    pub async fn clock_lead(&self) -> Result<TimeDelta, Error> {
        self.care().clock_lead().await
    }

    /// Asks every upstream whether it answers.
    pub async fn check_upstreams(&self) -> Vec<CheckedUpstream> {
        self.proxy().check_upstreams().await
    }

    fn care(&self) -> Care {
        Care::new(&self.parts.care, self.authorization())
    }

    /// Returns up to `limit` changes after the number `since`, at most 1,000: 0 begins with the oldest. The caller sees
    /// those of packages that they may read, and who made them where they may administer.
    ///
    /// # Errors
    ///
    /// Without a change feed; if the changes after `since` are no longer kept; if the feed has not come to `since`.
    pub async fn changes(&self, caller: &Caller, since: u64, limit: usize) -> Result<ChangePage, Error> {
        self.packages().changes(caller, since, limit).await
    }

    /// Waits until the change feed goes beyond `since`, as far as this process learns of it: from its own changes at
    /// once, from those of others when they are read or delivered. Set your own timeout.
    pub async fn wait_for_changes(&self, since: u64) {
        self.parts.changes.wait_beyond(since).await;
    }

    /// Ends streams of changes, so that a server that is about to stop need not wait for their clients.
    pub fn end_change_streams(&self) {
        self.parts.changes.end_streams();
    }

    pub(crate) fn have_change_streams_ended(&self) -> bool {
        self.parts.changes.have_streams_ended()
    }

    /// Moves events that crashed processes left behind into the change feed, and removes old changes from it. Returns
    /// how many events it found. A running registry does so every few seconds; call it on a schedule where nothing runs
    /// between requests.
    pub async fn recover_changes(&self) -> Result<usize, Error> {
        self.parts.changes.recover().await
    }

    /// Delivers the change feed to its sinks and to hooks, until each has all or fails. A running registry does so at each change;
    /// call it on a schedule where nothing runs between requests.
    pub async fn deliver_changes(&self) {
        #[cfg(feature = "hooks")]
        tokio::join!(self.parts.changes.deliver(), self.deliver_to_hooks());
        #[cfg(not(feature = "hooks"))]
        self.parts.changes.deliver().await;
    }

    /// Returns what this process has done on the store and the upstreams, and how its caches and its queue of events do. It
    /// asks neither the store nor an upstream.
    pub fn measurements(&self) -> Measurements {
        let proxy = &self.parts.proxy;
        let caches = proxy.caches.measurements().into_iter().chain(proxy.upstream.cache_measurements());
        Measurements::new(
            self.parts.storage_meter.measurements(),
            proxy.upstream.measurements(),
            caches.collect(),
            self.authorization().events().measurements(),
            self.parts.packages.downloads.counts.measurements(),
            self.parts.packages.catalog.policies.measurements(),
        )
    }

    /// Returns how many commits of this process have events that are not in the change feed yet.
    pub fn changes_waiting(&self) -> u64 {
        self.parts.changes.waiting()
    }

    /// Returns how far the delivery to each sink of the change feed has come.
    pub async fn delivery_states(&self) -> Result<Vec<DeliveryState>, Error> {
        self.parts.changes.delivery_states().await
    }

    /// Returns how far the deliveries to sinks of these names have come, of those that the store knows. Unlike
    /// [`Self::delivery_states`], it needs neither a change feed nor the sinks, so it delivers nothing.
    pub async fn stored_delivery_states(&self, sinks: &[String]) -> Result<Vec<DeliveryState>, Error> {
        stored_states(&self.parts.packages.store, sinks).await
    }

    /// Returns the hooks of accounts for which changes wait because their endpoints fail or refuse them. It calls none.
    #[cfg(feature = "hooks")]
    pub async fn failing_hooks(&self) -> Result<Vec<FailingHook>, Error> {
        failing_hooks(&self.parts.packages.store).await
    }

    /// Returns an error if the next version could not be signed, and so not be published. `Ok` where versions are not signed.
    pub async fn check_signer(&self) -> Result<(), Error> {
        self.packages().check_signer().await
    }

    /// Returns whether the registry can serve requests, and what is wrong. Reads the store's marker and the signing keys, and
    /// asks no upstream, so that a load balancer may call it every few seconds.
    pub async fn readiness(&self) -> Readiness {
        let ready = self.ready().await;
        let fatal = ready.as_ref().err().map(ReadinessFinding::of);
        let cannot_sign = ready.is_ok() && self.check_signer().await.is_err();
        let cannot_sign = cannot_sign.then_some(ReadinessFinding::SigningUnavailable);
        let findings = fatal.into_iter().chain(cannot_sign).chain(self.warnings());
        Readiness::new(findings.collect(), ready.err().map(Into::into))
    }

    fn warnings(&self) -> impl Iterator<Item = ReadinessFinding> {
        let events = self.authorization().events().measurements();
        let is_queue_full = events.capacity > 0 && events.changes_waiting >= events.capacity.div_ceil(2);
        let upstreams = &self.parts.proxy.upstream.upstreams;
        let warnings = [
            (self.parts.storage_meter.refuses_writes(), ReadinessFinding::StorageRefusesWrites),
            (
                upstreams.iter().any(|upstream| upstream.upstream.is_paused()),
                ReadinessFinding::UpstreamPaused,
            ),
            (is_queue_full || self.changes_waiting() >= COMMITS_BEHIND, ReadinessFinding::EventsBehind),
        ];
        warnings.into_iter().filter_map(|(is_wrong, finding)| is_wrong.then_some(finding))
    }

    /// Moves the tarball URLs that codebox-npm stored in packuments to `base`, for a codebox-npm that still runs on the
    /// storage; without a base, only reports them. This registry needs neither: it renders URLs for each request. Every
    /// other byte of the packuments stays as it is.
    pub fn move_tarball_urls(&self, base: Option<TarballBase>, mode: BulkMode) -> BulkStream<MovedPackage> {
        self.bulk().move_tarball_urls(base, mode)
    }

    /// Writes every object again with the same bytes, so that the store applies its present settings to it, such as the
    /// encryption, and reads each back. An object that another process changes meanwhile is not overwritten. With
    /// `before`, leaves out objects that were written since.
    pub fn rewrite_objects(
        &self,
        before: Option<DateTime<Utc>>,
        mode: BulkMode,
    ) -> BulkStream<RewrittenObject> {
        self.bulk().rewrite_objects(before, mode)
    }

    /// Sends the latest version of every hosted package to the sinks of the change feed, as an event of the kind
    /// `indexed`, which the feed does not get.
    pub fn send_packages_again(&self, mode: BulkMode) -> BulkStream<SentPackage> {
        self.bulk().send_packages_again(mode)
    }

    /// Compares the search index with the packages, however recent it is.
    pub async fn rebuild_search_index(&self) -> Result<(), BulkError> {
        self.bulk().rebuild_search_index().await
    }

    /// Imports packages of another registry, with all versions and what it says of them: dist-tags, times, deprecations,
    /// owners, readmes, digests and signatures. Each tarball is verified like that of a publish. A later import brings up to
    /// date what was not changed here since.
    pub fn import_packages(
        &self,
        source: Arc<dyn Upstream>,
        options: ImportOptions,
    ) -> BulkStream<ImportedPackage> {
        self.bulk().import_packages(source, options)
    }

    /// Returns the names of the packages that [`import_packages`](Self::import_packages) with these options imports, each once, so
    /// that their number is known before.
    pub fn source_packages(
        &self,
        source: Arc<dyn Upstream>,
        options: ImportOptions,
    ) -> BulkStream<PackageName> {
        self.bulk().source_packages(source, options)
    }

    /// Begins a bundle: what an install of exactly the given versions needs, signed, to be carried to a registry that no other
    /// one reaches. Packages are read as a client would get them, hosted ones and those of upstreams, and every tarball is
    /// verified.
    #[cfg(feature = "signing")]
    pub async fn begin_bundle(&self, options: BundleOptions) -> Result<BundleBuilder, BulkError> {
        self.bulk().begin_bundle(options).await
    }

    /// Imports the packages of a bundle, like those of another registry. An increment is refused as a whole if what it leaves
    /// out is not here.
    #[cfg(feature = "signing")]
    pub fn apply_bundle(&self, bundle: CheckedBundle, options: ApplyOptions) -> BulkStream<ImportedPackage> {
        self.bulk().apply_bundle(bundle, options)
    }

    /// Returns the key that the registry signs with, and makes it if there is none yet. All processes on the store get the
    /// same one.
    #[cfg(feature = "signing")]
    pub async fn signing_key(&self) -> Result<Arc<SigningKey>, Error> {
        self.stored_keys().get_or_make().await
    }

    /// Returns the key that the registry signs with; `None` if none was made yet.
    #[cfg(feature = "signing")]
    pub async fn find_signing_key(&self) -> Result<Option<Arc<SigningKey>>, Error> {
        self.stored_keys().find().await
    }

    /// Makes a key that is signed with from now on, here at once and in other processes within a minute. The keys before it
    /// verify what they signed, and expire in ten minutes.
    #[cfg(feature = "signing")]
    pub async fn rotate_signing_key(&self) -> Result<Arc<SigningKey>, Error> {
        self.stored_keys().rotate().await
    }

    /// Lists the keys of this registry in the store, oldest first, without the halves that sign.
    #[cfg(feature = "signing")]
    pub async fn list_signing_keys(&self) -> Result<Vec<ListedKey>, Error> {
        self.stored_keys().list().await
    }

    #[cfg(feature = "signing")]
    fn stored_keys(&self) -> &StoredKeys {
        &self.parts.packages.signing.stored
    }

    /// Signs the versions of hosted packages that have no signature by a key of this registry, in this order, once their tarballs
    /// have the digests that their packuments name. Signatures by other keys, such as lost ones, are replaced. Does nothing where versions are not signed, see
    /// [`RegistryBuilder::sign_versions`](crate::RegistryBuilder::sign_versions).
    pub fn sign_packages(
        &self,
        names: Vec<PackageName>,
        mode: BulkMode,
    ) -> BoxStream<'static, Result<SignedPackage, Error>> {
        self.care().sign_packages(names, mode)
    }

    /// Counts the objects in the storage.
    pub async fn inventory(&self) -> Result<StorageInventory, BulkError> {
        self.bulk().inventory().await
    }

    /// Deletes every object in the storage, those included that are not the registry's. `_registry.json` goes first: a
    /// server that still runs answers 503 from then on where it finds nothing. A store that keeps old versions of
    /// objects keeps them.
    pub fn remove_objects(&self) -> BulkStream<BlobPath> {
        self.bulk().remove_objects()
    }

    fn bulk(&self) -> Bulk {
        let parts = BulkParts {
            store: Arc::clone(&self.parts.store),
            clock: Arc::clone(&self.parts.http.clock),
            changes: self.parts.changes.clone(),
            catalog: Arc::clone(&self.parts.search.catalog),
            search: Arc::clone(&self.parts.search),
            packages: Arc::clone(&self.parts.packages),
            storage_meter: Arc::clone(&self.parts.storage_meter),
            accounts: self.accounts(),
            #[cfg(feature = "signing")]
            signing: self.stored_keys().clone(),
            #[cfg(feature = "signing")]
            randomness: Arc::clone(&self.parts.http.randomness),
        };
        Bulk::new(parts, self.authorization())
    }
}
