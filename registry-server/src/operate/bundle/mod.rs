//! `bundle`: packages in one signed file, for a registry that no other one reaches.

mod apply;
mod create;
mod key;
mod trust;

use crate::command_line::{BundleAction, Overrides};

/// Makes or applies a bundle, or prints the key.
pub(crate) fn bundle(overrides: &Overrides, action: &BundleAction) -> anyhow::Result<()> {
    match action {
        BundleAction::Create(request) => create::create(overrides, request),
        BundleAction::Apply(request) => apply::apply(overrides, request),
        BundleAction::Key => key::print(overrides),
    }
}
