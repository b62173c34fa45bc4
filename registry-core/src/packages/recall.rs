use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use futures::StreamExt as _;
use serde::Serialize;
use serde_json::Value;

use crate::Error;
use crate::access::Action;
use crate::auth::Caller;
use crate::concurrency::detached;
use crate::domain::{PackageName, Version};
use crate::events::{AuditLogError, AuditRecord, AuditSpan, read_audit_log};
use crate::packages::Packages;
use crate::policy::{BlockChange, BlockedVersions, RecallCause, RecallRequest};

/// The most fetchers that a report names.
const MOST_FETCHERS: usize = 10_000;

/// Who downloaded a version, as far as the registry recorded it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FetchReport {
    /// The package.
    pub package: PackageName,
    /// The version.
    pub version: Version,
    /// The downloads that were counted.
    pub downloads: u64,
    /// The days with downloads, in UTC.
    pub days: BTreeMap<NaiveDate, u64>,
    /// Who downloaded it, by the audit log, the first one first.
    pub fetchers: Vec<Fetcher>,
    /// What this report cannot say, and why.
    pub not_recorded: Vec<String>,
}

/// One who downloaded a version: an account or an anonymous client, at one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Fetcher {
    /// The account; absent for an anonymous client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The address of the client, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The `User-Agent` of the latest download.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// How often.
    pub downloads: u64,
    /// The first download.
    pub first: DateTime<Utc>,
    /// The latest download.
    pub last: DateTime<Utc>,
}

/// The fetchers of an audit log.
#[derive(Default)]
struct Fetchers {
    found: HashMap<(Option<String>, Option<IpAddr>), Fetcher>,
    are_more: bool,
    damaged: u64,
}

impl Packages {
    /// Recalls a version on behalf of an administrator of the package; without a caller, on behalf of an operator.
    pub(crate) async fn recall_version(
        &self,
        caller: Option<&Caller>,
        request: RecallRequest,
    ) -> Result<BlockedVersions, Error> {
        let (packages, caller) = (self.clone(), caller.cloned());
        detached(async move {
            let by = caller.as_ref().and_then(Caller::name).map(str::to_owned);
            if let Some(caller) = &caller {
                packages.require_administrator(caller, &request.package)?;
            }
            let entry = request.into_entry(RecallCause::Request, by, packages.parts.clock.now())?;
            packages.change_blocked(caller, BlockChange::Block(entry)).await
        })
        .await
    }

    /// Undoes a recall on behalf of an administrator of the package; without a caller, on behalf of an operator.
    pub(crate) async fn undo_recall(
        &self,
        caller: Option<&Caller>,
        name: &PackageName,
        version: &Version,
    ) -> Result<BlockedVersions, Error> {
        let (packages, caller, name) = (self.clone(), caller.cloned(), name.clone());
        let version = version.as_str().to_owned();
        detached(async move {
            if let Some(caller) = &caller {
                packages.require_administrator(caller, &name)?;
            }
            packages.change_blocked(caller, BlockChange::UndoRecall(name, version)).await
        })
        .await
    }

    /// Says who downloaded a version. An administrator of the package learns the days; who it was is in the audit log, which
    /// is for operators, who need no caller.
    pub(crate) async fn fetch_report(
        &self,
        caller: Option<&Caller>,
        name: &PackageName,
        version: &Version,
    ) -> Result<FetchReport, Error> {
        if let Some(caller) = caller {
            self.authorization.require_signed_in(caller, Some(name), Action::Administer.into())?;
            self.require_administrator(caller, name)?;
        }
        let mut report = FetchReport {
            package: name.clone(),
            version: version.clone(),
            downloads: 0,
            days: BTreeMap::new(),
            fetchers: Vec::new(),
            not_recorded: Vec::new(),
        };
        self.add_counts(&mut report).await?;
        if caller.is_none() {
            self.add_fetchers(&mut report).await?;
        } else {
            report.not_recorded.push(
                "who downloaded it is for operators of the registry: `registry-server recall report`"
                    .to_owned(),
            );
        }
        report.not_recorded.push(
            "caches of clients, and proxies in front of the registry, hand out copies that the registry does not see"
                .to_owned(),
        );
        Ok(report)
    }

    async fn add_counts(&self, report: &mut FetchReport) -> Result<(), Error> {
        let downloads = &self.parts.downloads;
        let Some(period) = downloads.counts.kept_period() else {
            report.not_recorded.push("downloads are not counted: [downloads] enabled is false".to_owned());
            return Ok(());
        };
        let counts = downloads.counts.by_day(std::slice::from_ref(&report.package), period).await?;
        let of_version = counts.into_values().find_map(|mut versions| versions.remove(&report.version));
        report.days = of_version.unwrap_or_default();
        report.downloads = report.days.values().copied().fold(0, u64::saturating_add);
        report.not_recorded.push(format!(
            "counts are kept since {}, and lack what each server counted in its last minute",
            period.first()
        ));
        Ok(())
    }

    async fn add_fetchers(&self, report: &mut FetchReport) -> Result<(), Error> {
        if !self.parts.downloads.are_events() {
            report.not_recorded.push(
                "who downloads is not recorded now: [log] downloads is false. Downloads of a time when it was true are listed"
                    .to_owned(),
            );
        }
        let mut records = read_audit_log(Arc::clone(self.parts.store.blobs()), AuditSpan::default());
        let mut fetchers = Fetchers::default();
        while let Some(record) = records.next().await {
            match record {
                Ok(record) => fetchers.add(&record, report),
                Err(AuditLogError::Damaged { .. }) => fetchers.damaged += 1,
                Err(AuditLogError::Store(error)) => return Err(error.into()),
                Err(error) => return Err(Error::internal(error)),
            }
        }
        if fetchers.damaged > 0 {
            report.not_recorded.push(format!("{} lines of the audit log cannot be read", fetchers.damaged));
        }
        if fetchers.are_more {
            report.not_recorded.push(format!("only {MOST_FETCHERS} accounts and addresses are listed"));
        }
        report.fetchers = fetchers.found.into_values().collect();
        report.fetchers.sort_by(|one, other| {
            (one.first, &one.principal, one.address).cmp(&(other.first, &other.principal, other.address))
        });
        let recorded = report.fetchers.iter().map(|fetcher| fetcher.downloads).sum::<u64>();
        if recorded < report.downloads {
            let missing = report.downloads - recorded;
            report.not_recorded.push(format!("who made {missing} of the downloads that were counted"));
        }
        if report.fetchers.iter().any(|fetcher| fetcher.address.is_none()) {
            report
                .not_recorded
                .push("the address of some clients, which the server does not know".to_owned());
        }
        Ok(())
    }
}

impl Fetchers {
    fn add(&mut self, record: &AuditRecord, report: &FetchReport) {
        let text = |field: &str| record.fields.get(field).and_then(Value::as_str);
        let is_of_version = text("kind") == Some("downloaded")
            && text("package") == Some(report.package.as_str())
            && text("version") == Some(report.version.as_str());
        if !is_of_version {
            return;
        }
        let principal = text("principal").map(str::to_owned);
        let address = text("address").and_then(|address| address.parse().ok());
        let key = (principal, address);
        if self.found.len() >= MOST_FETCHERS && !self.found.contains_key(&key) {
            self.are_more = true;
            return;
        }
        let fetcher = self.found.entry(key).or_insert_with_key(|(principal, address)| Fetcher {
            principal: principal.clone(),
            address: *address,
            client: None,
            downloads: 0,
            first: record.time,
            last: record.time,
        });
        fetcher.downloads += 1;
        fetcher.first = fetcher.first.min(record.time);
        fetcher.last = fetcher.last.max(record.time);
        fetcher.client = text("client").map(str::to_owned).or(fetcher.client.take());
    }
}
