use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};

use crate::Error;
use crate::care::{Care, Finding, FindingKind};
use crate::domain::PackageName;
use crate::packages::signed_text;
use crate::vocabulary::BulkMode;

use super::orphans::Index;
use super::tarballs::path_of;

/// The versions of a package that were signed, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedPackage {
    /// The package.
    pub name: PackageName,
    /// These versions.
    pub signed: Vec<String>,
    /// How many had a signature by a key of this registry.
    pub unchanged: u64,
    /// Why versions cannot be signed.
    pub findings: Vec<Finding>,
}

impl Care {
    /// Signs versions without a signature, in this order.
    pub(crate) fn sign_packages(
        self,
        names: Vec<PackageName>,
        mode: BulkMode,
    ) -> BoxStream<'static, Result<SignedPackage, Error>> {
        let sign = move |name| {
            let care = self.clone();
            async move { care.sign_package(name, mode).await }
        };
        stream::iter(names).then(sign).boxed()
    }

    async fn sign_package(&self, name: PackageName, mode: BulkMode) -> Result<SignedPackage, Error> {
        let mut done =
            SignedPackage { name: name.clone(), signed: Vec::new(), unchanged: 0, findings: Vec::new() };
        if !self.packages().signs() {
            return Ok(done);
        }
        let own = Arc::new(self.packages().own_public_keys().await?);
        let index = match self.read_index(&name).await? {
            Index::Readable(index) => index,
            Index::Damaged { reason } => return Err(Error::Damaged(format!("{name}: {reason}").into())),
            Index::Lost | Index::Never => return Ok(done),
        };
        let mut unsigned = Vec::new();
        for tarball in index.tarballs.iter() {
            let is_signed = tarball.integrity.as_ref().is_some_and(|integrity| {
                own.signed(&signed_text(&name, &tarball.version, integrity), &tarball.signatures)
            });
            if is_signed {
                done.unchanged += 1;
                continue;
            }
            let path = path_of(&name, tarball)?;
            let mut checked = self.check_tarball(&path, tarball).await?;
            if checked.findings.is_empty() && !tarball.is_signable {
                checked.findings.push(FindingKind::NotSignable { version: tarball.version.to_string() });
            }
            if checked.findings.is_empty()
                && let Some(integrity) = &tarball.integrity
            {
                unsigned.push((tarball.version.clone(), integrity.clone()));
            }
            let findings = checked.findings.into_iter();
            done.findings.extend(findings.map(|kind| Finding {
                package: name.clone(),
                kind,
                repaired: false,
            }));
        }
        done.signed = match mode {
            BulkMode::DryRun => unsigned.into_iter().map(|(version, _)| version.to_string()).collect(),
            BulkMode::Apply => {
                let signed = self.packages().add_signatures(&name, unsigned, own).await?;
                signed.into_iter().map(|version| version.to_string()).collect()
            }
        };
        Ok(done)
    }
}
