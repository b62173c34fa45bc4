use serde_json::{Value, json};

use super::{API_ENDPOINT, CodeboxNpm};
use crate::publish_document::PublishDocument;

impl CodeboxNpm {
    /// A deployment after some years of use, by clients from npm 4 to npm 11:
    ///
    /// - `left-pear`: 1.0.0 and 1.1.0 as npm 4 sent them, without `integrity`; 2.0.0-beta.1 as `beta`; 1.0.0 deprecated,
    ///   so that no attachment is left; a tag of a version that never was;
    /// - `@acme/tools`: 1.0.0 and 1.1.0, which need `left-pear`, with the attachment of the last;
    /// - `OldPear`: a name with capitals;
    /// - `no-endpoint`: from a time when the deployment had not been told its own address.
    ///
    /// # Panics
    ///
    /// If its handlers refuse to store that.
    pub fn sample() -> Self {
        let mut codebox = Self::new(API_ENDPOINT);
        let mut publish = |endpoint: &str, name: &str, document: Value| {
            endpoint.clone_into(&mut codebox.api_endpoint);
            assert_eq!(codebox.publish(name, &document).status, 200, "{name}");
        };
        for version in ["1.0.0", "1.1.0"] {
            publish(API_ENDPOINT, "left-pear", as_npm_4(&pear("left-pear", version)));
        }
        let beta = pear("left-pear", "2.0.0-beta.1").tag("beta");
        publish(API_ENDPOINT, "left-pear", beta.build());
        for version in ["1.0.0", "1.1.0"] {
            let tools = pear("@acme/tools", version)
                .field("description", "what everybody needs".into())
                .field("dependencies", json!({ "left-pear": "^1.0.0" }))
                .field("bin", json!({ "tools": "index.js" }));
            publish(API_ENDPOINT, "@acme%2ftools", tools.build());
        }
        publish(API_ENDPOINT, "OldPear", as_npm_4(&pear("OldPear", "0.1.0")));
        publish("undefined", "no-endpoint", pear("no-endpoint", "1.0.0").build());
        API_ENDPOINT.clone_into(&mut codebox.api_endpoint);

        codebox.set_dist_tag("left-pear", "stable", "1.0.0");
        codebox.set_dist_tag("left-pear", "gone", "9.9.9");
        let mut seen = codebox.package("left-pear").body;
        seen["versions"]["1.0.0"]["deprecated"] = "it is not ripe".into();
        codebox.deprecate("left-pear", &seen);
        codebox
    }
}

fn pear(name: &str, version: &str) -> PublishDocument {
    let program = format!("#!/usr/bin/env node\nmodule.exports = '{name}@{version}';\n");
    PublishDocument::new(name, version).file("index.js", program.as_bytes())
}

/// The same as npm 4 would have sent it.
fn as_npm_4(document: &PublishDocument) -> Value {
    let mut document = document.build();
    let jon = json!({ "name": "jon", "email": "jon@registry.example" });
    if let Value::Object(fields) = &mut document {
        fields.shift_remove("access");
    }
    for manifest in document["versions"].as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
        manifest["_npmVersion"] = "4.6.1".into();
        manifest["_npmUser"] = jon.clone();
        manifest["maintainers"] = json!([jon]);
        manifest["_shasum"] = manifest["dist"]["shasum"].clone();
        if let Value::Object(dist) = &mut manifest["dist"] {
            dist.shift_remove("integrity");
        }
    }
    document["maintainers"] = json!([jon]);
    document["readme"] = "# As it was first published\n".into();
    document
}
