//! Changes of a packument, without a store: each implements a rule of npm.

mod deprecate;
mod dist_tags;
mod error;
mod hoist;
mod import;
mod import_effect;
mod publish;
mod sign;
mod unpublish;

pub(crate) use deprecate::{deprecation, deprecation_text};
pub(crate) use error::EditError;
pub(crate) use import_effect::ImportEffect;
pub use import_effect::ImportNote;

use super::{Packument, Revision};

impl Packument<'_> {
    /// Rejects a package that has no versions, or never had any.
    ///
    /// # Errors
    ///
    /// [`EditError::NotFound`], and [`EditError::Unpublished`] of a package that is not private.
    pub(crate) fn require_existing(&self) -> Result<(), EditError> {
        if !self.versions.is_empty() {
            return Ok(());
        }
        Err(match self.time.get("unpublished") {
            // Callers must not learn that a private package existed.
            Some(time) if !self.protection.restricted => {
                EditError::Unpublished { name: self.name.clone(), time: time.clone() }
            }
            _ => EditError::NotFound { name: self.name.clone() },
        })
    }

    /// Rejects a change that is based on another revision.
    ///
    /// # Errors
    ///
    /// [`EditError::StaleRevision`] if the packument is not at the `expected` revision.
    pub(crate) fn require_revision(&self, expected: Option<&Revision>) -> Result<(), EditError> {
        match expected {
            Some(expected) if *expected != self.revision => Err(EditError::StaleRevision),
            _ => Ok(()),
        }
    }

    fn set_modified(&mut self, now: &str) {
        self.time.insert("modified".into(), now.into());
    }
}
