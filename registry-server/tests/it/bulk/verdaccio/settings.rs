//! The `registry.toml` that follows from a config.yaml.

use std::fs;
use std::path::Path;

use registry_testkit::http_client::HttpClient;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::server_process::ServerProcess;

use super::{Verdaccio, output};
use crate::running::registry_server;

const MUCH: &str = "
plugins: ./plugins
listen:
  - 0.0.0.0:4873
  - '[::1]:4873'
https: { key: ./key.pem, cert: ./cert.pem }
url_prefix: /verdaccio/
max_body_size: 20mb
userRateLimit: { windowMs: 50000, max: 1000 }
web: { title: Acme, darkMode: true }
i18n: { web: en-US }
server: { keepAliveTimeout: 60, trustProxy: 'loopback, 10.0.0.0/8, uniquelocal' }
security: { api: { jwt: { sign: { expiresIn: 29d } } } }
publish: { allow_offline: true }
notify: { endpoint: 'https://chat.example/?token=hunter2', method: POST }
middlewares: { audit: { enabled: true }, ours: {} }
experiments: { token: true }
something_new: 7
logs: { type: file, path: /var/log/verdaccio.log, format: json, level: warn }
auth:
  htpasswd: { file: ./htpasswd, max_users: -1, algorithm: bcrypt }
  ldap: { url: 'ldap://ldap.example' }
uplinks:
  npmjs: { url: 'https://registry.example/', maxage: 10m, timeout: 30s, max_fails: 5, cache: false, agent_options: {} }
  work: { url: 'https://work.example/npm', auth: { type: bearer, token_env: WORK_TOKEN }, ca: ./ca.pem, strict_ssl: false }
  plain: { url: 'https://plain.example/', headers: { Authorization: 'Bearer quince-secret', X-Team: web }, maxage: 2m }
  basic: { url: 'https://basic.example/', auth: { type: basic, token: 'quince-basic' } }
  login: { url: 'https://ana:quince@login.example/' }
  unused: { url: 'https://unused.example/' }
packages:
  '@acme/*': { access: $authenticated, publish: [ana, builders], unpublish: ana, proxy: work, storage: acme }
  '{internal,secret}-*': { access: 'ana ben', publish: ana, color: red }
  '@acme/pear': { access: $all }
  'pear-?': { access: $all, publish: $all }
  '@*/*': { access: $anonymous, publish: $all, proxy: npmjs plain basic login missing }
  '**': { access: $all, publish: $authenticated, unpublish: false, proxy: npmjs }
";

const SHA1: &str = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=";

fn with_much() -> Verdaccio {
    let mut verdaccio = Verdaccio::new(MUCH);
    // No upstream is asked for it.
    verdaccio.publish(&PublishDocument::new("secret-x", "1.0.0"));
    let users =
        format!("ana:{SHA1}\nben:{SHA1}:autocreated\ncleo:rl0uE0Pv.2bIs:autocreated\ndan:{{PLAIN}}hunter2\n");
    fs::write(verdaccio.path("htpasswd"), users).unwrap();
    let authority = rcgen::generate_simple_self_signed(["work.example".to_owned()]).unwrap();
    fs::write(verdaccio.path("ca.pem"), authority.cert.pem()).unwrap();
    verdaccio
}

#[tokio::test]
async fn each_key_has_an_equal_or_is_noted_with_what_to_do() {
    let verdaccio = with_much();
    let imported = output({
        let mut command = verdaccio.command(&[]);
        command.env("WORK_TOKEN", "quince-env").env("VERDACCIO_PUBLIC_URL", "https://npm.example.com");
        command
    })
    .await;
    assert!(imported.status.success(), "{imported:?}");
    let written = fs::read_to_string(verdaccio.path("registry.toml")).unwrap();
    let folder = verdaccio.folder.path().to_string_lossy().into_owned();
    insta::assert_snapshot!(written.replace(&folder, "[folder]"), @r#"
    # Made by `registry-server import verdaccio` of [folder]/config.yaml
    # Check it: registry-server config check --config FILE. All keys: registry-server config
    #
    # What has no equal, or means something else here:
    # - tokens: tokens of Verdaccio do not count here: each user runs `npm login` again with the same password, and builds get a token of `npm token create` or `registry-server token create`
    # - auth.htpasswd.algorithm: the tool that changes the file chooses the hash: `htpasswd -B` for bcrypt
    # - auth.htpasswd.file, the user cleo: the password of cleo is plain text or hashed with Unix crypt, and neither is supported; set it again with `htpasswd -B FILE cleo`
    # - auth.htpasswd.file, the user dan: the password of dan is hashed in an unsupported way; set it again with `htpasswd -B FILE dan`
    # - auth.htpasswd.file: [folder]/registry.htpasswd is a copy without those lines: add users to it
    # - auth.ldap: plugins do not run here: users sign in by [openid], [github], [htpasswd] or accounts of this registry
    # - listen: the server has one address, so [::1]:4873 is left out
    # - https: this server speaks HTTP: put a proxy with the certificate in front, name it in trusted_proxies, and set public_url
    # - server.trustProxy: name the addresses of your proxies in trusted_proxies, in place of uniquelocal
    # - uplinks.npmjs.max_fails: pauses after failures are built in
    # - uplinks.npmjs.cache: tarballs are always kept in the storage, up to `upstream_mib` under [cache]
    # - uplinks.npmjs.agent_options: connections are shared and limited without a setting
    # - uplinks.work.strict_ssl: certificates are always checked: name the certificate to trust in certificate_files
    # - uplinks.plain.headers: the token is in [folder]/plain.token, which only its owner can read
    # - uplinks.plain.headers.X-Team: an upstream gets no other header than a bearer token
    # - uplinks.basic.auth: an upstream gets a bearer token alone: create one there, and name it in token_env or token_file
    # - uplinks.login: its name or `url` cannot be that of an upstream, which has no password in its URL: write it yourself
    # - packages."@acme/*".unpublish: here owners unpublish their packages, and no other list says who may; the users that it names are in administer, and change owners, too
    # - packages."{internal,secret}-*".color: it is not known, and does nothing here
    # - packages."@acme/pear": the rule for @acme/* before it decides, there and here, so it is left out
    # - packages."pear-?": rules have no such pattern, so all of pear-* is closed: write the rules that you mean in its place
    # - packages."@*/*".access: $anonymous is @all here, so signed-in users are allowed, too
    # - packages."@*/*".publish: $all is @authenticated here: a publish needs a sign-in
    # - packages."@*/*".proxy: the uplink "login" is not in this file as an upstream, and is left out
    # - packages."@*/*".proxy: the uplink "missing" is not in this file as an upstream, and is left out
    # - packages: publish: $authenticated: signed-in users publish new packages, their own ones, and those without owners, as all are that Verdaccio had; a user that a rule names (user:ana) publishes all that it matches
    # - packages: builders: no such user is in the htpasswd file: if it is a group of an auth plugin, write group:PROVIDER:NAME
    # - uplinks.unused: no rule names it in `proxy`, so it is left out
    # - plugins: plugins do not run here
    # - userRateLimit: guesses of passwords are limited without a setting; requests_per_minute under [limits] limits all
    # - web: there are no pages of packages: use `npm view` and `npm search`; sign-in in the browser is under [login]
    # - i18n: there are no pages of packages: use `npm view` and `npm search`; sign-in in the browser is under [login]
    # - server.keepAliveTimeout: header_read_seconds under [server] limits idle connections (30 s)
    # - security: tokens are random, and no part of them is signed: their days are under [tokens]; logins last until `npm logout`
    # - publish: a publish needs the upstreams of its rule (shadow = true under [[packages]] for one without them), and readmes are those of latest
    # - notify: write a table [webhooks.NAME] with the url: changes are posted there as signed JSON, in a form of its own
    # - middlewares.ours: plugins do not run here
    # - experiments: tokens, changes of passwords and searches of upstreams ([search]) are built in
    # - something_new: it is not known, and does nothing here
    # - logs.type: the log goes to stderr: let systemd or the container keep it
    # - logs.path: the log goes to stderr: send its output to the file

    listen = "0.0.0.0:4873"
    public_url = "https://npm.example.com/verdaccio"
    path_prefix = "/verdaccio"

    [storage]
    url = "file:[folder]/target"

    [accounts]
    sign_up = false

    [htpasswd]
    file = "[folder]/registry.htpasswd"

    [limits]
    publish_body_mib = 20

    [cache]
    upstream_seconds = 120

    [log]
    format = "json"
    filter = "warn"

    [server]
    trusted_proxies = ["127.0.0.0/8", "::1", "10.0.0.0/8"]
    legacy_prefixes = ["/verdaccio"]

    [upstreams."npmjs"]
    url = "https://registry.example/"
    first_byte_seconds = 30

    [upstreams."work"]
    url = "https://work.example/npm"
    token_env = "WORK_TOKEN"
    certificate_files = ["[folder]/ca.pem"]

    [upstreams."plain"]
    url = "https://plain.example/"
    token_file = "[folder]/plain.token"

    [upstreams."basic"]
    url = "https://basic.example/"

    [[packages]]
    match = "@acme/*"
    read = ["@authenticated"]
    publish = ["user:ana", "user:builders"]
    administer = ["user:ana"]
    origin = ["hosted", "work"]

    [[packages]]
    match = "internal-*"
    read = ["user:ana", "user:ben"]
    publish = ["user:ana"]
    origin = ["hosted"]

    [[packages]]
    match = "secret-*"
    read = ["user:ana", "user:ben"]
    publish = ["user:ana"]
    origin = ["hosted"]

    [[packages]]
    match = "pear-*"
    read = []
    publish = []
    origin = ["hosted"]

    [[packages]]
    match = "@*/*"
    read = ["@all"]
    publish = ["@authenticated"]
    origin = ["hosted", "npmjs", "plain", "basic"]

    [[packages]]
    match = "**"
    read = ["@all"]
    publish = ["@authenticated"]
    origin = ["hosted", "npmjs"]
    "#);
    // What is in the file is shown, too.
    let shown = String::from_utf8(imported.stdout).unwrap();
    let remarks = shown.lines().filter(|line| line.starts_with("{\"setting\":")).count();
    assert_eq!(remarks, written.lines().filter(|line| line.starts_with("# - ")).count());
    assert!(
        shown.contains(r#"{"setting":"something_new","instead":"it is not known, and does nothing here"}"#),
        "{shown}"
    );
    // No secret is anywhere but in files that only their owner reads.
    let everything = format!("{written}{shown}{}", String::from_utf8_lossy(&imported.stderr));
    for secret in ["quince", "hunter2", "rl0uE0Pv"] {
        assert!(!everything.contains(secret), "{secret}: {everything}");
    }
    let token = verdaccio.path("plain.token");
    assert_eq!(fs::read_to_string(&token).unwrap(), "quince-secret");
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&token).unwrap().permissions()) & 0o777,
        0o600
    );
    assert_eq!(
        fs::read_to_string(verdaccio.path("registry.htpasswd")).unwrap(),
        format!("ana:{SHA1}\nben:{SHA1}:autocreated\n")
    );
    let file = verdaccio.path("registry.toml").display().to_string();
    let checked =
        registry_server(&["config", "check", "--config", &file]).env("WORK_TOKEN", "x").output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
    for (question, code) in [
        (["ana", "publish", "@acme/pear"], 0),
        (["ben", "publish", "@acme/pear"], 3),
        (["ben", "read", "secret-x"], 0),
        (["ben", "publish", "secret-x"], 3),
        (["eve", "read", "internal-x"], 3),
        (["ana", "read", "pear-1"], 3),
        (["ben", "publish", "plum"], 0),
    ] {
        let question_of = [&["access", "explain"], &question[..], &["--config", &file]].concat();
        let answer = registry_server(&question_of).env("WORK_TOKEN", "x").output().unwrap();
        assert_eq!(answer.status.code(), Some(code), "{question:?}: {answer:?}");
    }
}

#[tokio::test]
async fn settings_are_shown_without_an_import_and_never_overwritten() {
    let verdaccio = with_much();
    let shown = verdaccio.import(&["--settings-out", "-"]).await;
    let toml = String::from_utf8(shown.stdout).unwrap();
    assert!(toml.contains("[[packages]]") && !toml.contains("quince"), "{toml}");
    assert!(!verdaccio.target().exists() && !verdaccio.path("registry.toml").exists());
    let _: toml::Table = toml.parse().unwrap();
    let check = registry_server(&["config", "check", "--config", &toml])
        .env("WORK_TOKEN", "x")
        .env("PLAIN_TOKEN", "x")
        .output();
    assert!(check.as_ref().unwrap().status.success(), "{check:?}");

    let other = verdaccio.path("other.toml");
    fs::write(&other, "").unwrap();
    let kept = verdaccio.import(&["--settings-out", other.to_str().unwrap()]).await;
    assert!(kept.status.success(), "{kept:?}");
    assert!(
        String::from_utf8_lossy(&kept.stderr).contains("other.toml is there already, and stays as it is")
    );
    assert_eq!(fs::read_to_string(&other).unwrap(), "");
    assert!(!verdaccio.path("registry.toml").exists() && !verdaccio.path("plain.token").exists());
}

/// Verdaccio of old wrote the scope twice, and every one the prefix.
#[tokio::test]
async fn addresses_in_old_lock_files_go_on_working() {
    let mut verdaccio =
        Verdaccio::new("url_prefix: /verdaccio/\npackages: { '**': { access: $all, storage: sub } }\n");
    let pear = PublishDocument::new("@acme/pear", "1.0.0");
    verdaccio.publish(&pear);
    fs::create_dir(verdaccio.path("storage/sub")).unwrap();
    fs::rename(verdaccio.path("storage/@acme"), verdaccio.path("storage/sub/@acme")).unwrap();
    let imported = verdaccio.import(&[]).await;
    assert!(imported.status.success(), "{imported:?}");
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    let settings = verdaccio.path("registry.toml").display().to_string();
    let server = ServerProcess::start(binary, &["--config", &settings], &verdaccio.target()).await;
    let http = HttpClient::new(server.base_url());
    for prefix in ["", "/verdaccio"] {
        for file in [
            "@acme/pear/-/pear-1.0.0.tgz",
            "@acme/pear/-/@acme/pear-1.0.0.tgz",
            "@acme%2fpear/-/pear-1.0.0.tgz",
        ] {
            let tarball = http.get(&format!("{prefix}/{file}")).send().await.assert_status(200);
            assert_eq!(tarball.body, pear.tarball(), "{prefix}/{file}");
        }
    }
    assert!(server.stop().await.success());
}
