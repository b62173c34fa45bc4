use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use super::{CodeboxAnswer, CodeboxNpm};

/// What JavaScript's `encodeURIComponent` escapes.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Names are as they are in URLs: `@acme%2fone`.
impl CodeboxNpm {
    /// `PUT /{name}`: stores the tarball and then the index, which keeps the attachment of the last publish.
    pub fn publish(&mut self, name: &str, document: &Value) -> CodeboxAnswer {
        let decoded = decode(name);
        let tag = document["dist-tags"].as_object().and_then(|tags| tags.keys().next().cloned());
        let version = tag.as_ref().and_then(|tag| document["dist-tags"][tag].as_str()).map(str::to_owned);
        let (Some(tag), Some(version)) = (tag, version) else { return failed("the document has no tag") };
        let mut manifest = document["versions"][&version].clone();
        let tarball = manifest["dist"]["tarball"].as_str().and_then(|url| url.split("/-/").nth(1));
        let Some(tarball) = tarball else { return failed("the manifest has no tarball") };
        let file = utf8_percent_encode(tarball, COMPONENT);
        manifest["dist"]["tarball"] = format!("{}/{name}/-/{file}", self.api_endpoint).into();

        let attachment = format!("{decoded}-{version}.tgz");
        let index = if let Some(mut index) = self.index(name) {
            if index["versions"].get(&version).is_some() {
                let taken = "You cannot publish over the previously published version";
                return refused(&format!("{taken} {version}."));
            }
            index["dist-tags"][tag] = version.as_str().into();
            index["_attachments"] = json!({ &attachment: document["_attachments"][&attachment] });
            index["versions"][&version] = manifest;
            index
        } else {
            let mut index = document.clone();
            index["versions"][&version] = manifest;
            index["dist-tags"]["latest"] = version.as_str().into();
            index
        };
        let data = index["_attachments"][&attachment]["data"].as_str();
        let Some(bytes) = data.and_then(|data| STANDARD.decode(data).ok()) else {
            return failed("the document has no such attachment");
        };
        self.objects.insert(format!("{decoded}/{version}.tgz"), bytes.into());
        self.store(name, &index);
        CodeboxAnswer { status: 200, body: json!({ "success": true }) }
    }

    /// `PUT /{name}` by `npm deprecate`: stores what the client sent, whatever it is.
    pub fn deprecate(&mut self, name: &str, document: &Value) -> CodeboxAnswer {
        self.store(name, document);
        CodeboxAnswer { status: 200, body: json!({ "success": true }) }
    }

    /// `GET /{name}`: the index as it is, but for the attachment.
    pub fn package(&self, name: &str) -> CodeboxAnswer {
        match self.index(name) {
            None => missing(),
            Some(mut index) => {
                index["_attachments"] = json!({});
                CodeboxAnswer { status: 200, body: index }
            }
        }
    }

    /// `GET /-/package/{name}/dist-tags`.
    pub fn dist_tags(&self, name: &str) -> CodeboxAnswer {
        self.index(name)
            .map_or_else(missing, |index| CodeboxAnswer { status: 200, body: index["dist-tags"].clone() })
    }

    /// `PUT /-/package/{name}/dist-tags/{tag}`: whether there is such a version is not asked.
    pub fn set_dist_tag(&mut self, name: &str, tag: &str, version: &str) -> CodeboxAnswer {
        self.change_dist_tags(name, |tags| tags[tag] = version.into())
    }

    /// `DELETE /-/package/{name}/dist-tags/{tag}`, also of `latest`.
    pub fn remove_dist_tag(&mut self, name: &str, tag: &str) -> CodeboxAnswer {
        self.change_dist_tags(name, |tags| {
            if let Value::Object(tags) = tags {
                tags.shift_remove(tag);
            }
        })
    }

    /// `GET /{name}/-/{file}`: the key is made of the two, whatever the index says. `None` is a 404 of the upstream.
    pub fn tarball(&self, name: &str, file: &str) -> Option<Bytes> {
        let (name, file) = (decode(name), decode(file));
        self.objects.get(&format!("{name}/{}", file.replacen(&format!("{name}-"), "", 1))).cloned()
    }

    fn change_dist_tags(&mut self, name: &str, change: impl FnOnce(&mut Value)) -> CodeboxAnswer {
        let Some(mut index) = self.index(name) else {
            return CodeboxAnswer {
                status: 500,
                body: json!({ "ok": false, "error": "The specified key does not exist." }),
            };
        };
        change(&mut index["dist-tags"]);
        self.store(name, &index);
        let body = json!({ "ok": true, "id": name, "dist-tags": index["dist-tags"] });
        CodeboxAnswer { status: 200, body }
    }

    fn index(&self, name: &str) -> Option<Value> {
        serde_json::from_slice(self.objects.get(&format!("{}/index.json", decode(name)))?).ok()
    }

    fn store(&mut self, name: &str, index: &Value) {
        self.objects.insert(format!("{}/index.json", decode(name)), index.to_string().into());
    }
}

fn decode(name: &str) -> String {
    percent_decode_str(name).decode_utf8_lossy().into_owned()
}

fn refused(error: &str) -> CodeboxAnswer {
    CodeboxAnswer { status: 403, body: json!({ "success": false, "error": error }) }
}

fn failed(error: &str) -> CodeboxAnswer {
    CodeboxAnswer { status: 500, body: json!({ "success": false, "error": error }) }
}

/// No upstream has it either.
fn missing() -> CodeboxAnswer {
    CodeboxAnswer { status: 404, body: json!({ "error": "Could Not Find Package" }) }
}
