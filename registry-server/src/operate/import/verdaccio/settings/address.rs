use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use registry_core::settings::{LegacyPrefix, PublicUrl};
use serde_json::Value;
use url::Url;

use super::draft::Draft;
use super::{ConfigFile, Place, list, plain};

/// The variable with the URL at which clients reach Verdaccio.
const PUBLIC_URL: &str = "VERDACCIO_PUBLIC_URL";

/// The port of Verdaccio.
const PORT: u16 = 4873;

/// Converts `listen`, `https`, `url_prefix` and the proxies in front.
pub(super) fn convert(config: &ConfigFile, place: &Place<'_>, draft: &mut Draft) {
    let setting = |key: &str| config.settings.get(key).filter(|value| !value.is_null());
    if let Some(listen) = setting("listen") {
        self::listen(&list(Some(listen)), draft);
    }
    if setting("https").is_some() {
        let instead = "this server speaks HTTP: put a proxy with the certificate in front, name it in trusted_proxies, and set \
                       public_url";
        draft.remark("https", instead);
    }
    prefix(setting("url_prefix").and_then(plain), (place.variable)(PUBLIC_URL), draft);
    if let Some(trusted) = setting("server").and_then(|server| server.get("trustProxy")) {
        trust(trusted, draft);
    }
}

fn listen(addresses: &[String], draft: &mut Draft) {
    let mut addresses = addresses.iter();
    let Some(first) = addresses.next() else { return };
    if first.starts_with("https:") {
        draft.remark("listen", "this server speaks HTTP: put a proxy with the certificate in front");
    }
    match address(first) {
        Some(address) => draft.listen = Some(address.to_string()),
        None => draft
            .remark("listen", format!("{first} is no address with a port: write one such as 0.0.0.0:{PORT}")),
    }
    for other in addresses {
        draft.remark("listen", format!("the server has one address, so {other} is left out"));
    }
}

/// Reads `4873`, `localhost:4873`, `http://0.0.0.0:4873/` and the like.
fn address(text: &str) -> Option<SocketAddr> {
    let text = text.strip_prefix("http:").or_else(|| text.strip_prefix("https:")).unwrap_or(text);
    let text = text.trim_start_matches('/').trim_end_matches('/');
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host: IpAddr = match host {
        "" | "localhost" => Ipv4Addr::LOCALHOST.into(),
        "*" => Ipv4Addr::UNSPECIFIED.into(),
        host => host.parse().ok()?,
    };
    Some(SocketAddr::new(host, port.parse().ok()?))
}

/// Lock files have the addresses of tarballs, with the prefix.
fn prefix(written: Option<String>, public_url: Option<String>, draft: &mut Draft) {
    let written = written.unwrap_or_default();
    // Verdaccio of old took a whole URL.
    let (public_url, path) = match Url::parse(&written) {
        Ok(url) => (Some(url.to_string()), url.path().to_owned()),
        Err(_) => (public_url, written),
    };
    let path = format!("/{}", path.trim_matches('/'));
    let has_path = path != "/";
    if has_path && path.parse::<LegacyPrefix>().is_err() {
        draft.remark(
            "url_prefix",
            format!("{path} cannot be a path_prefix: keep the path in the proxy in front"),
        );
    } else if has_path {
        draft.path_prefix = Some(path.clone());
    }
    let joined = public_url.and_then(|url| {
        let mut url = Url::parse(&url).ok()?;
        if has_path && url.path().trim_end_matches('/') != path {
            let below = format!("{}{path}", url.path().trim_end_matches('/'));
            url.set_path(&below);
        }
        url.to_string().parse::<PublicUrl>().ok().map(|url| url.as_url().to_string())
    });
    if joined.is_none() {
        draft.remark(
            "VERDACCIO_PUBLIC_URL",
            "it is not set here: set public_url to the URL at which clients reach the registry, which is the same as before for \
             lock files to go on working",
        );
    }
    draft.public_url = joined;
}

fn trust(trusted: &Value, draft: &mut Draft) {
    let names = trusted.as_str().map_or_else(
        || list(Some(trusted)),
        |text| text.split(',').map(|name| name.trim().to_owned()).collect(),
    );
    for name in names {
        match name.as_str() {
            "false" => {}
            "loopback" => draft.trusted_proxies.extend(["127.0.0.0/8".to_owned(), "::1".to_owned()]),
            network if network.parse::<crate::settings::Network>().is_ok() => {
                draft.trusted_proxies.push(name);
            }
            _ => draft.remark(
                "server.trustProxy",
                format!("name the addresses of your proxies in trusted_proxies, in place of {name}"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_verdaccio() {
        for (text, expected) in [
            ("4873", Some("127.0.0.1:4873")),
            ("localhost:8080", Some("127.0.0.1:8080")),
            ("http://localhost:4873/", Some("127.0.0.1:4873")),
            ("https:0.0.0.0:443", Some("0.0.0.0:443")),
            ("[::1]:4873", Some("[::1]:4873")),
            ("http://[::]:4873", Some("[::]:4873")),
            ("npm.example.com:4873", None),
            ("unix:/tmp/verdaccio.sock", None),
            ("", None),
        ] {
            assert_eq!(address(text).map(|address| address.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn the_prefix_and_the_url_of_clients_are_one_address() {
        for (written, public_url, expected) in [
            ("", None, (None, None)),
            ("/", Some("https://npm.example.com"), (None, Some("https://npm.example.com/"))),
            ("/npm/", Some("https://a.example"), (Some("/npm"), Some("https://a.example/npm"))),
            ("npm", Some("https://a.example/first"), (Some("/npm"), Some("https://a.example/first/npm"))),
            ("https://a.example/npm/", None, (Some("/npm"), Some("https://a.example/npm/"))),
            ("/a b", None, (None, None)),
        ] {
            let mut draft = Draft::default();
            prefix(Some(written.to_owned()), public_url.map(str::to_owned), &mut draft);
            assert_eq!((draft.path_prefix.as_deref(), draft.public_url.as_deref()), expected, "{written}");
        }
    }
}
