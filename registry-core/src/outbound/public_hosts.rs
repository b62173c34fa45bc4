use std::net::{SocketAddr, ToSocketAddrs as _};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::public_address::is_public;
use crate::vocabulary::BoxError;

/// The proxies that the environment names. A proxy resolves names itself, so a name is checked as far as this machine
/// can resolve it, and left to the proxy otherwise.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies(Vec<String>);

impl Proxies {
    pub(crate) fn from_environment() -> Self {
        let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
        let names = names.iter().flat_map(|name| [(*name).to_owned(), name.to_ascii_lowercase()]);
        Self::of(names.filter_map(|name| std::env::var(name).ok()))
    }

    fn of(values: impl Iterator<Item = String>) -> Self {
        let read = |value: String| {
            let url = Url::parse(&value).ok().filter(Url::has_host);
            let url = url.or_else(|| Url::parse(&format!("http://{value}")).ok())?;
            url.host_str().map(str::to_owned)
        };
        Self(values.filter_map(read).collect())
    }

    fn is_one(&self, host: &str) -> bool {
        self.0.iter().any(|proxy| proxy.eq_ignore_ascii_case(host))
    }
}

/// Rejects a URL that cannot be a public host. A name is resolved and checked on connecting, by [`PublicHosts`], unless
/// a proxy is used instead.
pub(crate) async fn check_public(url: &Url, proxies: &Proxies) -> Result<(), BoxError> {
    let refused = || BoxError::from("its address is not a public one");
    match url.host() {
        None => Err("it has no host".into()),
        Some(Host::Ipv4(address)) if is_public(address.into()) => Ok(()),
        Some(Host::Ipv6(address)) if is_public(address.into()) => Ok(()),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => Err(refused()),
        Some(Host::Domain(name)) if proxies.is_one(name) => Err(refused()),
        Some(Host::Domain(_)) if proxies.0.is_empty() => Ok(()),
        Some(Host::Domain(name)) if is_local(name) => Err(refused()),
        Some(Host::Domain(name)) => match look_up(name.to_owned()).await {
            Ok(addresses) if addresses.iter().any(|address| !is_public(address.ip())) => Err(refused()),
            _ => Ok(()),
        },
    }
}

/// Whether a name is never that of a public host.
fn is_local(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let top = name.rsplit('.').next().unwrap_or_default();
    !name.contains('.') || ["localhost", "local", "internal", "lan", "home", "corp"].contains(&top)
}

/// Resolves hosts to their public addresses only.
#[derive(Debug)]
pub(crate) struct PublicHosts(pub(crate) Proxies);

impl Resolve for PublicHosts {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        // No URL leads to a proxy: such URLs are rejected before.
        let is_proxy = self.0.is_one(&name);
        Box::pin(async move {
            let mut addresses = look_up(name).await?;
            addresses.retain(|address| is_proxy || is_public(address.ip()));
            if addresses.is_empty() {
                return Err("its address is not a public one".into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

async fn look_up(name: String) -> Result<Vec<SocketAddr>, BoxError> {
    let look = move || (name.as_str(), 0).to_socket_addrs().map(Iterator::collect);
    Ok(tokio::task::spawn_blocking(look).await??)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[tokio::test]
    async fn addresses_in_a_url_are_read_however_they_are_spelled() {
        let none = Proxies::default();
        for text in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f.0.0.1/",
            "http://0177.0.0.1/",
            "http://127.0.0.1./",
            "http://%31%32%37.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[64:ff9b::169.254.169.254]/",
            "http://[2002:7f00:1::]/",
            "http://169.254.169.254/",
            "http://0/",
        ] {
            assert!(check_public(&url(text), &none).await.is_err(), "{text}");
        }
        check_public(&url("http://8.8.8.8/"), &none).await.unwrap();
    }

    #[tokio::test]
    async fn behind_a_proxy_known_private_names_are_rejected() {
        let proxies = Proxies::of(
            ["http://user:pass@proxy.example:3128", "10.0.0.1:3128"].map(str::to_owned).into_iter(),
        );
        for text in [
            "http://proxy.example:3128/",
            "http://localhost/",
            "http://db.internal/",
            "http://intranet/",
            "http://10.0.0.1/",
        ] {
            assert!(check_public(&url(text), &proxies).await.is_err(), "{text}");
        }
        check_public(&url("https://no-such-host.invalid/"), &proxies).await.unwrap();
    }

    #[tokio::test]
    async fn a_name_of_this_machine_has_no_public_address() {
        let resolve = |proxies| PublicHosts(proxies).resolve("localhost".parse().unwrap());
        assert!(resolve(Proxies::default()).await.is_err());
        let proxy = Proxies::of(std::iter::once("http://localhost:3128".to_owned()));
        assert!(resolve(proxy).await.is_ok_and(|mut addresses| addresses.next().is_some()));
    }
}
