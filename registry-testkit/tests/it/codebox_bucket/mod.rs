//! A bucket that codebox-npm filled, from the first request on.

mod old_code;
mod reads;
mod writes;

use std::collections::BTreeMap;

use bytes::Bytes;
use registry_core::access::AccessRules;
use registry_testkit::TestRegistry;
use registry_testkit::codebox_npm::CodeboxNpm;
use serde_json::{Value, json};

/// Longer values, such as attachments, are told by their length.
const LONGEST: usize = 600;

/// The rules that codebox-npm had, but that strangers may read: `ana` is its admin.
fn rules() -> AccessRules {
    let rules =
        json!([{ "match": "**", "read": ["@all"], "publish": ["user:ana"], "administer": ["user:ana"] }]);
    AccessRules::compile(&serde_json::from_value::<Vec<_>>(rules).unwrap()).unwrap()
}

/// A registry on the bucket of [`CodeboxNpm::sample`].
async fn moved() -> TestRegistry {
    on_bucket_of(&CodeboxNpm::sample()).await
}

async fn on_bucket_of(codebox: &CodeboxNpm) -> TestRegistry {
    let registry = TestRegistry::builder().access(rules()).path_prefix("/prod/registry").start().await;
    codebox.copy_to(registry.store()).await.unwrap();
    registry
}

/// What is in the store and was there with codebox-npm, or is of a package.
async fn packages_in(registry: &TestRegistry) -> BTreeMap<String, Bytes> {
    registry.stored().await.into_iter().filter(|(key, _)| !key.starts_with('_')).collect()
}

fn parsed(json: &Bytes) -> Value {
    serde_json::from_slice(json).unwrap()
}

/// Which objects came, went and changed, and which fields of them.
fn differences(before: &BTreeMap<String, Bytes>, after: &BTreeMap<String, Bytes>) -> String {
    let mut told = String::new();
    for (key, content) in before {
        match after.get(key) {
            None => told.extend(["gone: ", key, "\n"]),
            Some(now) if now != content => {
                told.extend(["changed: ", key, "\n"]);
                tell(&mut told, "", Some(&parsed(content)), Some(&parsed(now)));
            }
            Some(_) => {}
        }
    }
    for key in after.keys().filter(|key| !before.contains_key(*key)) {
        told.extend(["new: ", key, "\n"]);
    }
    told
}

fn tell(told: &mut String, at: &str, before: Option<&Value>, after: Option<&Value>) {
    if before == after {
        return;
    }
    if let (Some(Value::Object(before)), Some(Value::Object(after))) = (before, after) {
        for (field, value) in before {
            tell(told, &format!("{at}/{field}"), Some(value), after.get(field));
        }
        for (field, value) in after.iter().filter(|(field, _)| !before.contains_key(*field)) {
            tell(told, &format!("{at}/{field}"), None, Some(value));
        }
        return;
    }
    for (sign, value) in [("-", before), ("+", after)] {
        if let Some(value) = value {
            let value = value.to_string();
            let shown = if value.len() > LONGEST { format!("({} bytes)", value.len()) } else { value };
            told.extend(["  ", sign, " ", at, ": ", &shown, "\n"]);
        }
    }
}
