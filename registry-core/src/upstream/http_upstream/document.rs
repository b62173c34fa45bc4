use std::borrow::Cow;
use std::fmt;
use std::io::Read as _;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use reqwest::Response;
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::HttpUpstream;
use super::failure::Failed;
use super::pieces::Pieces;
use crate::domain::PackageName;
use crate::domain::shorten::shorten;

/// Larger bodies are decompressed and parsed on a blocking thread.
const QUICK: usize = 16 << 10;

impl HttpUpstream {
    /// Reads the JSON object of a response, decompressed, of `limit` bytes at most; with a `name`, a packument of that
    /// package.
    pub(super) async fn document(
        &self,
        response: Response,
        limit: usize,
        name: Option<&PackageName>,
    ) -> Result<Bytes, Failed> {
        let headers = response.headers().clone();
        let bytes = self.collect(response, limit).await?;
        let name = name.cloned();
        let is_long = bytes.len() > QUICK;
        let read = move || read(&headers, bytes, limit, name.as_ref());
        let outcome =
            if is_long { tokio::task::spawn_blocking(read).await.map_err(Failed::broken)? } else { read() };
        outcome.map_err(|reason| self.unusable(reason).into())
    }

    async fn collect(&self, mut response: Response, limit: usize) -> Result<Bytes, Failed> {
        let declared = response.content_length().unwrap_or(0);
        if declared > limit as u64 {
            return Err(self.unusable(too_large(limit)).into());
        }
        let mut bytes = Pieces::default();
        while let Some(chunk) = response.chunk().await.map_err(Failed::cut)? {
            if bytes.len() + chunk.len() > limit {
                return Err(self.unusable(too_large(limit)).into());
            }
            bytes.extend(&chunk);
        }
        Ok(bytes.join().into())
    }
}

fn too_large(limit: usize) -> String {
    format!("a document of more than {limit} bytes")
}

fn read(
    headers: &HeaderMap,
    bytes: Bytes,
    limit: usize,
    name: Option<&PackageName>,
) -> Result<Bytes, String> {
    let bytes = in_utf8(inflate(headers, bytes, limit)?);
    check(&bytes, name).map_err(|reason| match media_type(headers) {
        Some(sent) if !sent.ends_with("json") => format!("{reason}, and calls it {:?}", shorten(sent)),
        _ => reason,
    })?;
    Ok(bytes)
}

/// Replaces invalid UTF-8, as clients do, so that one version with it does not hide the others.
fn in_utf8(bytes: Bytes) -> Bytes {
    match str::from_utf8(&bytes) {
        Ok(_) => bytes,
        Err(_) => String::from_utf8_lossy(&bytes).into_owned().into(),
    }
}

fn inflate(headers: &HeaderMap, bytes: Bytes, limit: usize) -> Result<Bytes, String> {
    let encoding = headers.get(CONTENT_ENCODING).map_or("identity", |value| value.to_str().unwrap_or("?"));
    match encoding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => return Ok(bytes),
        "gzip" | "x-gzip" => {}
        other => {
            return Err(format!("a document in the encoding {:?}, and gzip was asked for", shorten(other)));
        }
    }
    let most = (limit as u64).saturating_add(1);
    let inflated = Pieces::read(MultiGzDecoder::new(&*bytes).take(most))
        .map_err(|_| "a document that calls itself gzip and is not")?;
    if inflated.len() > limit { Err(too_large(limit)) } else { Ok(inflated.join().into()) }
}

/// Validates the whole document, and the name of a packument. A packument whose name is not a string is taken as the one
/// that was asked for, if it has the fields of a packument.
fn check(bytes: &[u8], name: Option<&PackageName>) -> Result<(), String> {
    // A struct would also deserialize from an array.
    let text = str::from_utf8(bytes).ok().filter(|text| text.trim_ascii_start().starts_with('{'));
    let text = text.ok_or("a document that is not a JSON object")?;
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return Err("a document that is not JSON".into());
    }
    let Some(name) = name else { return Ok(()) };
    let Ok(outline) = serde_json::from_str::<Outline>(text) else {
        return Err(format!("a document that is not a packument of {name}"));
    };
    match outline.name {
        Some(named) if named == name.as_str() => Ok(()),
        Some(named) => Err(format!("the packument of {:?} for that of {name}", shorten(&named))),
        None if outline.is_packument => Ok(()),
        None => Err(format!("a document that is not a packument of {name}")),
    }
}

/// What a document says of itself.
#[derive(Default)]
struct Outline {
    /// The package, if it says it in a string.
    name: Option<String>,
    /// Whether it has versions or tags, or a place for them.
    is_packument: bool,
}

impl<'de> Deserialize<'de> for Outline {
    fn deserialize<Source: Deserializer<'de>>(source: Source) -> Result<Self, Source::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Outline;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a packument")
            }

            fn visit_map<Source: MapAccess<'de>>(self, mut map: Source) -> Result<Outline, Source::Error> {
                let (mut outline, mut is_named) = (Outline::default(), false);
                while let Some(field) = map.next_key::<Cow<'_, str>>()? {
                    outline.is_packument |= ["versions", "dist-tags"].contains(&&*field);
                    if field != "name" {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    }
                    if std::mem::replace(&mut is_named, true) {
                        return Err(Source::Error::duplicate_field("name"));
                    }
                    outline.name = serde_json::from_str(map.next_value::<&RawValue>()?.get()).ok();
                }
                Ok(outline)
            }
        }

        source.deserialize_map(Fields)
    }
}

/// Returns the `Content-Type` without its parameters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<&str> {
    Some(headers.get(CONTENT_TYPE)?.to_str().ok()?.split(';').next()?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(document: &str) -> Result<(), String> {
        check(document.as_bytes(), Some(&PackageName::parse("pear").unwrap()))
    }

    #[test]
    fn a_packument_names_its_package_once() {
        for document in [
            r#"{"name":"pear"}"#,
            " \n{\"versions\":{},\"name\":\"\\u0070ear\"}\n",
            r#"{"name":null,"versions":{}}"#,
            r#"{"name":1,"versions":null}"#,
            r#"{"name":["fig"],"dist-tags":{}}"#,
            r#"{"versions":{},"versions":{}}"#,
        ] {
            assert_eq!(verdict(document), Ok(()), "{document}");
        }
        let no_packument = Err("a document that is not a packument of pear".to_owned());
        for document in [
            r#"{"name":"pear","name":"pear"}"#,
            "{}",
            r#"{"name":1}"#,
            r#"{"error":"not_found","name":null}"#,
        ] {
            assert_eq!(verdict(document), no_packument, "{document}");
        }
        let other = Err("the packument of \"Pear\" for that of pear".to_owned());
        assert_eq!(verdict(r#"{"name":"Pear"}"#), other);
    }

    #[test]
    fn an_array_is_no_object() {
        for document in [r#"["pear"]"#, "", "null", "<!doctype html>"] {
            assert_eq!(
                verdict(document),
                Err("a document that is not a JSON object".to_owned()),
                "{document}"
            );
        }
        for document in [r#"{"name":"pear""#, r#"{"name":"pear"}{}"#, r#"{"name":"pear","a":nul}"#] {
            assert_eq!(verdict(document), Err("a document that is not JSON".to_owned()), "{document}");
        }
        let latin = Bytes::from_static(b"{\"name\":\"pear\",\"a\":\"\xff\"}");
        assert!(check(&latin, None).is_err());
        assert_eq!(in_utf8(latin), r#"{"name":"pear","a":"\u{fffd}"}"#.replace("\\u{fffd}", "\u{fffd}"));
    }
}
