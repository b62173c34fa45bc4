use super::*;
use crate::limits::Limits;

#[track_caller]
fn assert_refused(text: &str, line: usize, words: &[&str]) {
    let refusal = format!("{:#}", Settings::from_toml(text).unwrap_err());
    assert!(refusal.contains(&format!("line {line}")), "no line {line} in: {refusal}");
    for word in words {
        assert!(refusal.contains(word), "no {word} in: {refusal}");
    }
}

#[test]
fn the_limits_are_those_of_the_library() {
    assert_eq!(LimitSettings::default().to_limits(), Limits::default());
    let settings = "[limits]\nmanifest_kib = 1\nreadme_kib = 2\nowners = 3\ndeprecation_bytes = 4\ndist_tags = 5\npackument_mib = 6";
    let limits = Settings::from_toml(settings).unwrap().limits.to_limits();
    assert_eq!(
        (limits.manifest_bytes, limits.readme_bytes, limits.packument_bytes),
        (1 << 10, 2 << 10, 6 << 20)
    );
    assert_eq!((limits.owners, limits.deprecation_bytes, limits.dist_tags), (3, 4, 5));
}

#[test]
fn providers_go_with_what_is_configured_of_them() {
    let read = |text: &str| Settings::from_toml(text).unwrap();
    let refusal = |text: &str| read(text).check_providers().unwrap_err().to_string();
    let (file, github) = ("[htpasswd]\nfile = \"users\"", "[github]\norganizations = [\"acme\"]");
    assert!(refusal(&format!("providers = [\"local\"]\n{file}")).contains("list \"htpasswd\" in providers"));
    assert!(refusal(&format!("providers = [\"local\"]\n{github}")).contains("list \"github\" in providers"));
    assert!(refusal("providers = [\"htpasswd\"]").contains("no file is named"));
    assert!(refusal("providers = [\"github\"]").contains("write a table [github]"));
    assert!(refusal("providers = [\"local\", \"local\"]").contains("twice"));
    let unknown = Settings::from_toml("providers = [\"ldap\"]").unwrap_err().to_string();
    assert!(unknown.contains("\"local\" or \"htpasswd\" or \"openid\" or \"github\""), "{unknown}");
    let all = read(&format!("{file}\n{github}"));
    assert_eq!(all.check_providers(), Ok(()));
    assert_eq!(all.provider_order(), [ProviderName::Local, ProviderName::Htpasswd, ProviderName::Github]);
    let reversed = read(&format!("providers = [\"htpasswd\", \"local\"]\n{file}"));
    assert_eq!(reversed.provider_order(), [ProviderName::Htpasswd, ProviderName::Local]);
}

#[test]
fn sign_up_and_another_source_of_names_are_refused_in_any_order() {
    let tables = [
        ("htpasswd", "[htpasswd]\nfile = \"users\""),
        ("openid", "[openid]\nissuer = \"https://login.example\"\nclient_id = \"x\""),
        ("github", "[github]\norganizations = [\"acme\"]"),
    ];
    for (name, table) in tables {
        let check = |providers: &str, sign_up: bool| {
            let text = format!("{providers}\naccounts.sign_up = {sign_up}\n{table}");
            Settings::from_toml(&text).unwrap().refuse_two_sources_of_names()
        };
        let orders = [format!("[\"local\", \"{name}\"]"), format!("[\"{name}\", \"local\"]")];
        let orders = orders.map(|order| format!("providers = {order}"));
        for providers in orders.iter().map(String::as_str).chain([""]) {
            assert_eq!(check(providers, true), Err(TwoSourcesOfNames), "{providers} {name}");
            assert_eq!(check(providers, false), Ok(()), "{providers} {name}");
        }
        // Without local accounts, sign-up is not possible.
        assert_eq!(check(&format!("providers = [\"{name}\"]"), true), Ok(()), "{name}");
    }
    assert_eq!(Settings::from_toml("").unwrap().refuse_two_sources_of_names(), Ok(()));
}

#[test]
fn an_invalid_rule_is_reported_with_its_line() {
    assert_refused(
        "[[packages]]\nmatch = \"**\"\n\n[[packages]]\nmatch = \"[\"",
        4,
        &["'['", "no package name holds"],
    );
}

#[test]
fn addresses_of_stores_are_read() {
    let folder = |text: &str| text.parse::<StorageUrl>().unwrap().to_string();
    assert_eq!(folder("file:./registry-data"), "file:./registry-data");
    assert_eq!(folder("file:/srv/registry"), "file:/srv/registry");
    assert_eq!(folder("file:///srv/registry"), "file:/srv/registry");
    assert_eq!(folder("memory:"), "memory:");
    let refusal = |text: &str| text.parse::<StorageUrl>().unwrap_err().to_string();
    for (url, feature, is_in_this_build) in [
        ("s3://bucket/prefix", "aws", cfg!(feature = "aws")),
        ("gs://bucket", "gcp", cfg!(feature = "gcp")),
        ("az://container", "azure", cfg!(feature = "azure")),
    ] {
        if is_in_this_build {
            assert_eq!(folder(url), url);
        } else {
            let scheme = &url[..2];
            assert!(refusal(url).contains(&format!("no support for {scheme}:// storage")));
            assert!(refusal(url).contains(&format!("--features {feature}")));
        }
    }
    assert!(refusal("file:").contains("names no folder"));
    assert!(refusal("file://srv/registry").contains("names a host"));
    assert!(refusal("./data").contains("not a storage URL"));
    assert!(refusal("C:\\data").contains("not a storage URL"));
}

#[test]
fn paths_and_urls_that_cannot_work_are_refused() {
    for good in ["", "/", "/registry", "/npm/private/", "/v1.0_~"] {
        assert!(good.parse::<PathPrefix>().is_ok(), "{good}");
    }
    assert_eq!("/registry/".parse::<PathPrefix>().unwrap().as_str(), "/registry");
    for bad in ["registry", "//", "/a//b", "/../x", "/-", "/a b", "/%2f", "/@acme"] {
        assert!(bad.parse::<PathPrefix>().is_err(), "{bad}");
    }
    for good in ["https://npm.example.com", "http://10.0.0.1:4873/npm/"] {
        assert!(good.parse::<PublicUrl>().is_ok(), "{good}");
    }
    for bad in [
        "npm.example.com",
        "ftp://npm.example.com",
        "https://a:b@npm.example.com",
        "https://x/?y",
        "https://",
    ] {
        assert!(bad.parse::<PublicUrl>().is_err(), "{bad}");
    }
}
