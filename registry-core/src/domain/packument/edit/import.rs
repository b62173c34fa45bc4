use std::borrow::Cow;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{EditError, ImportEffect, ImportNote};
use crate::domain::Version;
use crate::domain::packument::tarball_index::locate;
use crate::domain::packument::{NamedTarball, Packument, SourcePackage, TarballLocation, deprecation};
use crate::domain::publication::ImportedVersion;

/// What a three-way comparison decides about a value.
enum Merged {
    /// Both sides have it already.
    Same,
    /// Only imports wrote it, so it follows the source.
    FollowsSource,
    /// It was changed here.
    Kept,
}

/// Compares a value here with what the last import wrote and with the source.
fn merge<T: PartialEq>(written: &T, here: &T, source: &T) -> Merged {
    if here == source {
        Merged::Same
    } else if here == written {
        Merged::FollowsSource
    } else {
        Merged::Kept
    }
}

impl Packument<'_> {
    /// Takes over what another registry says of the package, and `verified` versions. What was changed here since the last
    /// import stays. `now` is the time as RFC 3339.
    ///
    /// # Errors
    ///
    /// [`EditError::Json`].
    pub(crate) fn import(
        &mut self,
        source: &SourcePackage,
        verified: &[ImportedVersion],
        now: &str,
    ) -> Result<ImportEffect, EditError> {
        let mut effect = ImportEffect::default();
        let is_new = self.is_new();
        let visible = |packument: &Self| {
            let Packument { dist_tags, maintainers, users, tombstones, .. } = packument;
            (dist_tags.clone(), maintainers.clone(), users.clone(), tombstones.len())
        };
        let before = visible(self);
        let latest_before = self.latest().map(str::to_owned);
        self.add_imported(source, verified, now, &mut effect);
        // A package does not begin with less than one of the versions that it has.
        if is_new && effect.added.is_empty() && !source.versions.is_empty() {
            return Ok(effect);
        }
        let are_deprecations_changed = self.merge_source(source, &[], &mut effect)?;
        if self.latest() != latest_before.as_deref() {
            self.show_latest(source, verified)?;
        }
        effect.is_visible = before != visible(self) || !effect.added.is_empty() || are_deprecations_changed;
        if effect.is_visible {
            self.set_times(source, is_new, now);
        }
        Ok(effect)
    }

    /// Returns what [`Self::import`] would not take over, once it has added the versions that are `coming`. What is left in
    /// the packument is not to be stored.
    ///
    /// # Errors
    ///
    /// [`EditError::Json`].
    pub(crate) fn preview_import(
        &mut self,
        source: &SourcePackage,
        coming: &[Version],
    ) -> Result<Vec<ImportNote>, EditError> {
        let mut effect = ImportEffect::default();
        self.merge_source(source, coming, &mut effect)?;
        Ok(effect.notes)
    }

    /// Merges what the source says of the package. Returns whether a deprecation changed.
    fn merge_source(
        &mut self,
        source: &SourcePackage,
        coming: &[Version],
        effect: &mut ImportEffect,
    ) -> Result<bool, EditError> {
        self.reserve_unpublished(source, effect);
        self.note_gone(source, effect);
        self.merge_dist_tags(source, coming, effect)?;
        let are_deprecations_changed = self.merge_deprecations(source, effect)?;
        self.merge_owners(source, effect);
        self.merge_stars(source, effect);
        Ok(are_deprecations_changed)
    }

    fn add_imported(
        &mut self,
        source: &SourcePackage,
        verified: &[ImportedVersion],
        now: &str,
        effect: &mut ImportEffect,
    ) {
        for imported in verified {
            let version = imported.version.as_str();
            if let Some(hosted) = self.versions.get(version)
                && locate(&self.name, version, hosted).is_ok_and(|hosted| {
                    hosted == TarballLocation::ContentAddressed(imported.integrity.clone())
                })
            {
                effect.unchanged += 1;
                continue;
            }
            if self.require_free(&imported.version).is_err() {
                effect.overtaken.push(imported.version.clone());
                continue;
            }
            let told = source.versions.get(version);
            let time = told.and_then(|told| told.time.clone()).unwrap_or_else(|| now.to_owned());
            self.time.insert(version.to_owned(), time);
            self.versions.insert(version.to_owned().into(), Cow::Owned(imported.manifest.clone()));
            if let Some(told) = told.filter(|told| !told.deprecated.is_empty()) {
                self.imported.deprecated.insert(version.to_owned(), told.deprecated.clone());
            }
            self.imported.added.entry(now.to_owned()).or_default().insert(version.to_owned());
            effect.added.push(imported.version.clone());
        }
    }

    /// Keeps numbers taken that were published at the source once.
    fn reserve_unpublished(&mut self, source: &SourcePackage, effect: &mut ImportEffect) {
        for (version, time) in &source.unpublished {
            if self.versions.contains_key(version.as_str()) {
                effect.notes.extend(
                    Version::parse(version).ok().map(|version| ImportNote::StaysPublished { version }),
                );
            } else if !self.tombstones.contains_key(version) {
                self.tombstones.insert(version.clone(), time.clone());
            }
        }
        let gone = source.versions.keys().filter(|version| self.tombstones.contains_key(*version));
        let gone = gone.filter_map(|version| Version::parse(version).ok());
        effect.notes.extend(gone.map(|version| ImportNote::StaysUnpublished { version }));
    }

    /// Tells of versions that the source had, and does not speak of any more.
    fn note_gone(&self, source: &SourcePackage, effect: &mut ImportEffect) {
        if source.is_partial {
            return;
        }
        let gone = self.imported.versions.iter().map(String::as_str).filter(|version| {
            self.versions.contains_key(*version)
                && !source.versions.contains_key(*version)
                && !source.unpublished.contains_key(*version)
        });
        let gone = gone.filter_map(|version| Version::parse(version).ok());
        effect.notes.extend(gone.map(|version| ImportNote::GoneAtSource { version }));
    }

    fn merge_dist_tags(
        &mut self,
        source: &SourcePackage,
        coming: &[Version],
        effect: &mut ImportEffect,
    ) -> Result<(), EditError> {
        let valid: Vec<&str> = source.valid_dist_tags().map(|(tag, _)| tag).collect();
        let invalid = source.dist_tags.keys().filter(|tag| !valid.contains(&tag.as_str()));
        effect.notes.extend(invalid.map(|tag| ImportNote::DistTagInvalid { tag: tag.clone() }));
        let removed: Vec<String> = self.imported.dist_tags.keys().cloned().collect();
        let removed = removed.iter().map(String::as_str).filter(|tag| !valid.contains(tag));
        for tag in valid.iter().copied().chain(removed) {
            let told = source.dist_tags.get(tag);
            // Of a version that is not imported, the operator is told already. `latest` always names a version.
            let is_followed = match told {
                Some(version) => {
                    self.versions.contains_key(version.as_str())
                        || coming.iter().any(|coming| coming.as_str() == version)
                }
                None => tag != "latest",
            };
            if !is_followed {
                continue;
            }
            let written = self.imported.dist_tags.get(tag);
            match merge(&written, &self.dist_tags.get(tag), &told) {
                Merged::Same if written.is_none() => {}
                Merged::Same => note(&mut self.imported.dist_tags, tag, told),
                Merged::FollowsSource => {
                    note(&mut self.imported.dist_tags, tag, told);
                    note(&mut self.dist_tags, tag, told);
                }
                Merged::Kept => effect.notes.push(ImportNote::DistTagKept { tag: tag.to_owned() }),
            }
        }
        let has_latest = self.live_dist_tags().any(|(tag, _)| tag == "latest");
        if !has_latest && !self.versions.is_empty() {
            self.dist_tags.shift_remove("latest");
            self.move_latest()?;
            let latest = self.latest().map(str::to_owned);
            note(&mut self.imported.dist_tags, "latest", latest.as_ref());
        }
        Ok(())
    }

    /// Returns whether a deprecation changed.
    fn merge_deprecations(
        &mut self,
        source: &SourcePackage,
        effect: &mut ImportEffect,
    ) -> Result<bool, EditError> {
        let mut is_changed = false;
        let named: Vec<NamedTarball> = self.named_tarballs().into_iter().filter_map(Result::ok).collect();
        for hosted in named {
            let version = hosted.version.as_str();
            let told = source.versions.get(version).filter(|told| told.has_tarball_of(&hosted));
            let (Some(told), Some(manifest)) = (told, self.versions.get(version)) else { continue };
            self.imported.versions.insert(version.to_owned());
            let here = deprecation(manifest).unwrap_or_default();
            let written = self.imported.deprecated.get(version).cloned().unwrap_or_default();
            let message = Some(&told.deprecated).filter(|message| !message.is_empty());
            match merge(&written, &here, &told.deprecated) {
                Merged::Same if written.is_empty() => {}
                Merged::Same => note(&mut self.imported.deprecated, version, message),
                Merged::FollowsSource => {
                    note(&mut self.imported.deprecated, version, message);
                    is_changed |= self.deprecate(&hosted.version, &told.deprecated)?;
                }
                Merged::Kept if written.is_empty() && told.deprecated.is_empty() => {}
                Merged::Kept => {
                    effect.notes.push(ImportNote::DeprecationKept { version: hosted.version.clone() });
                }
            }
        }
        Ok(is_changed)
    }

    fn merge_owners(&mut self, source: &SourcePackage, effect: &mut ImportEffect) {
        // Without owners, a package belongs to every principal, which no import decides.
        if source.maintainers.is_empty() {
            let note = match (self.maintainers.is_empty(), self.imported.maintainers.is_empty()) {
                (true, _) => Some(ImportNote::NoOwners),
                (false, true) => None,
                (false, false) => Some(ImportNote::OwnersGone),
            };
            effect.notes.extend(note);
            return;
        }
        match merge(&self.imported.maintainers, &self.maintainers, &source.maintainers) {
            Merged::Same if self.imported.maintainers.is_empty() => {}
            Merged::Same => self.imported.maintainers.clone_from(&source.maintainers),
            Merged::FollowsSource => {
                self.imported.maintainers.clone_from(&source.maintainers);
                self.maintainers.clone_from(&source.maintainers);
            }
            Merged::Kept => effect.notes.push(ImportNote::OwnersKept),
        }
    }

    /// Each star is merged on its own. What a user decided here is not reported: it concerns no other user.
    fn merge_stars(&mut self, source: &SourcePackage, effect: &mut ImportEffect) {
        let Some(stars) = &source.stars else { return };
        let written = self.imported.stars.clone();
        for name in stars.union(&written) {
            let (was, is) = (written.contains(name), stars.contains(name));
            let here = self.users.get(name) == Some(&true);
            match merge(&was, &here, &is) {
                // It was removed on both sides.
                Merged::Same if was && !is => drop(self.imported.stars.shift_remove(name)),
                Merged::FollowsSource if is => {
                    self.users.insert(name.clone(), true);
                    self.imported.stars.insert(name.clone());
                }
                Merged::FollowsSource => {
                    self.users.shift_remove(name);
                    self.imported.stars.shift_remove(name);
                    effect.unstarred.push(name.clone());
                }
                Merged::Same | Merged::Kept => {}
            }
        }
    }

    /// Shows the version that `latest` names at the top.
    fn show_latest(&mut self, source: &SourcePackage, verified: &[ImportedVersion]) -> Result<(), EditError> {
        let Some(latest) = self.latest().map(str::to_owned) else { return Ok(()) };
        let Some(manifest) = self.versions.get(latest.as_str()) else { return Ok(()) };
        let manifest: Map<String, Value> = serde_json::from_str(manifest.get())?;
        self.hoist(&manifest)?;
        let of_tarball = verified.iter().find(|imported| imported.version.as_str() == latest);
        let of_tarball = of_tarball.and_then(|imported| imported.readme.clone());
        let is_latest_there = source.dist_tags.get("latest") == Some(&latest);
        let of_source = source.readme.clone().filter(|readme| is_latest_there && !readme.is_empty());
        let readme = of_source.or(of_tarball).map(Value::from);
        let filename = source.readme_filename.clone().filter(|_| is_latest_there).map(Value::from);
        self.set_other("readme", readme.as_ref())?;
        self.set_other("readmeFilename", filename.as_ref())
    }

    fn set_times(&mut self, source: &SourcePackage, is_new: bool, now: &str) {
        let told = |told: &Option<String>| told.clone().filter(|_| is_new).unwrap_or_else(|| now.to_owned());
        if !self.time.contains_key("created") {
            self.time.insert("created".into(), told(&source.created));
        }
        self.set_modified(&told(&source.modified));
        if !self.versions.is_empty() {
            self.time.shift_remove("unpublished");
        } else if let Some(unpublished) = &source.package_unpublished {
            self.time.insert("unpublished".into(), unpublished.clone());
        }
    }
}

/// Sets an entry, or removes it.
fn note(entries: &mut IndexMap<String, String>, key: &str, value: Option<&String>) {
    match value {
        Some(value) => drop(entries.insert(key.to_owned(), value.clone())),
        None => drop(entries.shift_remove(key)),
    }
}
