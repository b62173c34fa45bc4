use clap::{CommandFactory as _, Parser as _};
use registry_core::settings::{GithubTable, LogFormat, Overrides, TwoSourcesOfNames};

use super::*;
use crate::command_line::CommandLine;

/// The template with every commented key uncommented. Sentences stay comments.
fn uncommented_template() -> String {
    let is_toml = |line: &str| {
        let key = line.split(" = ").next().unwrap_or_default();
        line.starts_with('[') || (key != line && key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
    };
    let uncomment = |line: &'static str| line.strip_prefix("# ").filter(|rest| is_toml(rest)).unwrap_or(line);
    TEMPLATE.lines().map(uncomment).collect::<Vec<_>>().join("\n")
}

/// The keys of `section`, as the error for an unknown key lists them.
fn keys_of(section: &str) -> Vec<String> {
    let refusal = Settings::from_toml(&format!("{section}\nno_such_key = 1")).unwrap_err().to_string();
    let expected =
        refusal.rsplit_once(" settings there are ").map(|(_, expected)| expected).unwrap_or_default();
    let keys: Vec<_> = expected.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(!keys.is_empty(), "{refusal}");
    keys
}

#[test]
fn the_template_changes_nothing_as_it_is() {
    let settings = Settings::from_toml(TEMPLATE).unwrap();
    assert_eq!(format!("{settings:?}"), format!("{:?}", Settings::default()));
}

#[test]
fn the_template_lists_the_defaults() {
    let mut settings = Settings::from_toml(&uncommented_template()).unwrap();
    assert!(
        settings.registry.public_url.take().is_some(),
        "it has no default, so the template shows an example"
    );
    assert!(settings.registry.storage.redirect_above_mib.take().is_some(), "none is redirected by default");
    assert!(settings.traces.endpoint.take().is_some(), "the collector shown stands for none");
    assert!(settings.traces.ratio.take().is_some(), "the share shown stands for all");
    let order = settings.registry.providers.take();
    assert_eq!(
        order,
        Some(settings.registry.provider_order()),
        "by default all are asked that are configured"
    );
    assert!(settings.registry.htpasswd.file.take().is_some(), "the file shown stands for no file");
    assert!(!std::mem::take(&mut settings.registry.packages).is_empty(), "the rule shown stands for no rule");
    let rule = std::mem::take(&mut settings.registry.retain);
    assert!(!rule.compile().unwrap().is_empty(), "the rule shown stands for no rule");
    assert!(!std::mem::take(&mut settings.registry.policy).is_empty(), "the policy shown stands for none");
    assert!(settings.registry.similar_names.popular_file.take().is_some(), "the file shown stands for none");
    assert!(
        !std::mem::take(&mut settings.registry.upstreams).is_empty(),
        "the upstream shown stands for no upstream"
    );
    assert!(
        !std::mem::take(&mut settings.registry.webhooks).is_empty(),
        "the webhook shown stands for no webhook"
    );
    assert!(!std::mem::take(&mut settings.registry.sns).is_empty(), "the topic shown stands for no topic");
    assert!(settings.registry.hooks.take().is_some(), "the key shown stands for no key");
    let signing = std::mem::take(&mut settings.registry.signing);
    assert!(signing.key_file.is_some() && signing.secret_file.is_some(), "the key shown stands for none");
    assert_ne!(signing.enabled, Some(false), "versions are signed by default");
    let provenance = std::mem::take(&mut settings.registry.provenance);
    assert!(
        provenance.trusted_root.is_some() && provenance.require.len() == 1,
        "the file shown stands for none"
    );
    assert!(settings.registry.web.logo.take().is_some(), "the picture shown stands for none");
    assert!(
        !std::mem::take(&mut settings.registry.web.footer).is_empty(),
        "the link shown stands for no link"
    );
    assert!(settings.registry.codebox_log.take().is_some(), "the log shown stands for no log");
    let mut github = settings.registry.github.take().unwrap();
    assert!(github.api_url.take().is_some() && github.client_id.take().is_some(), "examples, too");
    assert!(github.client_secret_file.take().is_some(), "an example, too");
    assert_eq!(format!("{github:?}"), format!("{:?}", GithubTable::default()));
    let example = "issuer = \"https://login.example.com\"\nclient_id = \"registry\"";
    let plain = Settings::from_toml(&format!("[openid]\n{example}")).unwrap().registry.openid.unwrap();
    let mut openid = settings.registry.openid.take().unwrap();
    assert!(openid.client_secret_file.take().is_some() && openid.audience.take().is_some(), "examples, too");
    assert!(openid.client_secret_env.take().is_some(), "an example, too: one that is named must be set");
    assert_eq!(format!("{openid:?}"), format!("{plain:?}"));
    assert_eq!(format!("{settings:?}"), format!("{:?}", Settings::default()));
}

#[test]
fn the_template_knows_every_key() {
    let template: toml::Table = uncommented_template().parse().unwrap();
    for key in keys_of("") {
        let value = template.get(&key).unwrap_or_else(|| panic!("`{key}` is not in the template"));
        let (header, table) = match value {
            toml::Value::Table(table) => (format!("[{key}]"), table),
            toml::Value::Array(rules) if rules[0].is_table() => {
                (format!("[[{key}]]"), rules[0].as_table().unwrap())
            }
            _ => continue,
        };
        // This table contains tables with names that the operator chooses.
        let (header, table) = match table.values().next() {
            Some(toml::Value::Table(named)) if key == "upstreams" => (format!("[{key}.npm]"), named),
            Some(toml::Value::Table(named)) if ["sns", "webhooks"].contains(&key.as_str()) => {
                (format!("[{key}.deploys]"), named)
            }
            _ => (header, table),
        };
        for inner in keys_of(&header) {
            assert!(table.contains_key(&inner), "`{inner}` of {header} is not in the template");
        }
    }
}

#[track_caller]
fn assert_refused(text: &str, line: usize, words: &[&str]) {
    let refusal = format!("{:#}", Settings::from_toml(text).unwrap_err());
    assert!(refusal.contains(&format!("line {line}")), "no line {line} in: {refusal}");
    for word in words {
        assert!(refusal.contains(word), "no {word} in: {refusal}");
    }
}

#[test]
fn a_mistake_is_reported_with_its_line() {
    assert_refused("\nlisten = \"localhost\"", 2, &["listen"]);
    assert_refused("[storage]\nurl = \"ftp://bucket\"", 2, &["not a storage URL"]);
    assert_refused("\n\n[acounts]\nsign_up = true", 3, &["acounts", "accounts"]);
    assert_refused("[limits]\nother_body_mib = 0", 2, &["other_body_mib", "1 or more"]);
    assert_refused("[audit]\nunavailable = \"panic\"", 2, &["panic", "empty"]);
    assert_refused("[log]\nformat = \"xml\"", 2, &["xml", "json"]);
    assert_refused("[log]\nfilter = \"info,=\"", 2, &["not a log filter"]);
    assert_refused("[server]\n\ntrusted_proxies = [\"10.0.0.0/40\"]", 3, &["not a network", "10.0.0.0/8"]);
    assert_refused("public_url = \"npm.example.com\"", 1, &["public URL"]);
    assert_refused("[changes]\nkeep_days = 0", 2, &["keep_days", "1 or more"]);
    assert_refused("[webhooks.ci]\nurl = \"ci.example.com\"", 2, &["https://HOST/PATH"]);
    assert_refused(
        "[webhooks.ci]\nurl = \"https://ci.example.com\"\nsecret = \"x\"",
        3,
        &["secret", "secret_env"],
    );
    assert_refused("[sns.ci]\ntopic_arn = \"npm\"", 2, &["not a topic of SNS", "arn:aws:sns:"]);
    assert_refused("path_prefix = \"registry\"", 1, &["path prefix", "/registry"]);
    assert_refused("[[packages]]\nmatch = \"**\"\nraed = []", 3, &["raed", "did you mean `read`?"]);
}

#[test]
fn a_wrong_access_rule_is_told_by_its_number() {
    let rules = ["@acme/*", "@other/*", "**"].map(|pattern| format!("[[packages]]\nmatch = \"{pattern}\"\n"));
    for (at, wrong) in [(0, "read = [\"ana\"]\n"), (1, "origin = [\"npm\"]\n"), (2, "publish = [\"ana\"]\n")]
    {
        let mut rules = rules.clone();
        rules[at].push_str(wrong);
        assert_refused(&rules.concat(), 2 * at + 1, &[&format!("access rule {} (", at + 1)]);
    }
}

/// Each error names the key with its table, the value and the expected one, in terms of the file.
#[test]
fn a_mistake_is_reported_in_terms_of_the_file() {
    let texts = [
        "listen = \"localhost\"",
        "listen = 4873",
        "[limits]\nreadme_kib = \"1 MB\"",
        "[limits]\nowners = 0",
        "cache.upstream_seconds = -1",
        "cache = { upstream_mib = 1.5 }",
        "[accounts]\nsign_up = \"no\"",
        "audit = true",
        "providers = \"local\"",
        "[packages]\nmatch = \"**\"",
        "[[packages]]\nmatch = \"**\"\nread = \"@all\"",
        "[[packages]]\nmatch = \"**\"\nread = [1]",
        "[[packages]]\nread = [\"@all\"]",
        "[upstreams.npm]\ntoken_env = \"TOKEN\"",
        "[upstreams.npm]\nurl = \"https://a.example\"\nconnect_seconds = \"3 s\"",
        "[[trusted_publishing.issuers]]\nname = 1",
        "[trusted_publishing]\nissuers = \"github\"",
        "[log]\nformat = \"xml\"",
        "[log]\nformat = 1",
        "[organizations]\ncreate = \"everybody\"",
        "[storage]\nulr = \"memory:\"",
        "[storage]\nurl = \"data\"",
        "[storage.options]\naws_region = 1",
        "[storage",
    ];
    let told = texts.map(|text| format!("{:#}", Settings::from_toml(text).unwrap_err()));
    insta::assert_snapshot!(told.join("\n"), @r#"
    line 1: `listen` must be an address and a port, such as "127.0.0.1:4873"; it is the text "localhost"
    line 1: `listen` must be an address and a port, such as "127.0.0.1:4873"; it is the number 4873
    line 2: `[limits] readme_kib` must be a whole number of KiB, 1 or more, without quotes; it is the text "1 MB"
    line 2: `[limits] owners` must be a whole number, 1 or more; it is the number 0
    line 1: `[cache] upstream_seconds` must be a whole number of seconds, 0 or more; it is the number -1
    line 1: `[cache] upstream_mib` must be a whole number of MiB, 0 or more; it is the number 1.5
    line 2: `[accounts] sign_up` must be true or false, without quotes; it is the text "no"
    line 1: `audit` must be a table that begins with [audit]; it is true
    line 1: `providers` must be a list, such as ["one", "two"]; it is the text "local"
    line 1: `packages` must be tables that each begin with [[packages]]; it is a table
    line 3: `[[packages]] read` must be a list, such as ["one", "two"]; it is the text "@all"
    line 3: `[[packages]] read` must be a text in quotes; it is the number 1
    line 1: `match` is missing in [[packages]]: write a line that sets it
    line 1: `url` is missing in [upstreams.npm]: write a line that sets it
    line 3: `[upstreams.npm] connect_seconds` must be a whole number of seconds, 0 or more, without quotes; it is the text "3 s"
    line 2: `[[trusted_publishing.issuers]] name` must be a text in quotes; it is the number 1
    line 2: `[trusted_publishing] issuers` must be tables that each begin with [[trusted_publishing.issuers]]; it is the text "github"
    line 2: `[log] format` is "xml"; write "text" or "json"
    line 2: `[log] format` must be a text in quotes
    line 2: `[organizations] create` is "everybody"; write "anyone" or "administrators" or "nobody"
    line 2: there is no setting `ulr` in [storage]; did you mean `url`? The settings there are `url`, `options`, `redirect_above_mib`, `must_exist`
    line 2: `[storage] url`: `data` is not a storage URL; write file:DIR, such as file:./registry-data, or memory:
    line 2: `[storage.options] aws_region` must be a text in quotes; it is the number 1
    line 1: this is not TOML: unclosed table, expected `]`
    "#);
}

#[test]
fn flags_win_over_the_file() {
    let file = "listen = \"127.0.0.1:1\"\npublic_url = \"https://a.example\"\n[log]\nfilter = \"warn\"\n";
    let arguments =
        ["registry-server", "serve", "--config", file, "--listen", "127.0.0.1:2", "--log-format", "json"];
    let settings = Settings::load(&CommandLine::parse_from(arguments).overrides).unwrap();
    assert_eq!(settings.listen.port(), 2);
    assert_eq!(settings.registry.log.format, LogFormat::Json);
    assert_eq!(settings.registry.log.filter, "warn".parse().unwrap());
    assert_eq!(settings.registry.public_url.unwrap().as_url().as_str(), "https://a.example/");
}

#[test]
fn a_rule_may_name_the_upstream_of_a_flag() {
    let file = "\n[[packages]]\nmatch = \"**\"\norigin = [\"hosted\", \"npm\"]\n";
    let load = |file: &str, flags: &[&str]| {
        let arguments = ["registry-server", "--config", file].into_iter().chain(flags.iter().copied());
        Settings::load(&CommandLine::parse_from(arguments).overrides)
    };
    let flag = ["--upstream", "https://registry.example"];
    let settings = load(file, &flag).unwrap();
    assert!(settings.registry.packages.compile(&settings.registry.upstreams).is_ok());
    let other = file.replace("npm", "mpm");
    for (file, flags, unknown) in [(file, &[][..], "npm"), (&other, &flag[..], "mpm")] {
        let refusal = format!("{:#}", load(file, flags).unwrap_err());
        assert!(refusal.contains("line 2") && refusal.contains(unknown), "{refusal}");
    }
}

#[test]
fn github_is_on_where_its_table_is_written_or_a_flag_given() {
    let load = |arguments: &[&str]| {
        let arguments = ["registry-server"].iter().chain(arguments);
        Settings::load(&CommandLine::parse_from(arguments).overrides).unwrap()
    };
    assert!(load(&[]).registry.github.is_none());
    let file = "[accounts]\nsign_up = false\n[github]\norganizations = [\"acme\"]\n";
    let settings = load(&["--config", file, "--github-admins", "ana,Ben"]);
    let github = settings.registry.github.as_ref().unwrap();
    assert_eq!(
        (&*github.organizations, &*github.admins),
        (&["acme".to_owned()][..], &["ana".into(), "Ben".into()][..])
    );
    assert_eq!(github.url.to_string(), "https://github.com/");
    assert_eq!(settings.registry.refuse_two_sources_of_names(), Ok(()));

    let settings = load(&["--github-url", "https://github.example"]);
    assert_eq!(settings.registry.github.as_ref().unwrap().url.to_string(), "https://github.example/");
    assert_eq!(settings.registry.refuse_two_sources_of_names(), Err(TwoSourcesOfNames));
}

#[test]
fn every_flag_has_its_environment_variable() {
    for argument in CommandLine::command().get_arguments() {
        let Some(flag) = argument.get_long().filter(|flag| !matches!(*flag, "help" | "version")) else {
            continue;
        };
        let expected = format!("REGISTRY_{}", flag.replace('-', "_").to_uppercase());
        assert_eq!(argument.get_env().unwrap().to_str(), Some(expected.as_str()));
    }
    CommandLine::command().debug_assert();
}

/// A frontend without a command line reads the same variables.
#[test]
fn every_variable_but_the_address_is_read_without_a_command_line() {
    for argument in CommandLine::command().get_arguments() {
        let Some(variable) = argument.get_env().and_then(|name| name.to_str()) else { continue };
        let read = Overrides::from_variables(|name| (name == variable).then(|| "no URL?".into()));
        let is_read = read.map_or(true, |overrides| overrides != Overrides::default());
        assert_eq!(is_read, variable != "REGISTRY_LISTEN", "{variable}");
    }
}

#[test]
fn without_rules_only_this_machine_is_admitted() {
    let open = |listen: &str, rules: &str| {
        Settings::from_toml(&format!("listen = \"{listen}\"\n{rules}")).unwrap().refuse_open_doors().is_ok()
    };
    let rules = "[[packages]]\nmatch = \"**\"";
    for loopback in ["127.0.0.1:80", "127.1.2.3:80", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
        assert!(open(loopback, ""), "{loopback}");
    }
    for reachable in ["0.0.0.0:80", "[::]:80", "10.0.0.1:80", "[::ffff:10.0.0.1]:80"] {
        assert!(!open(reachable, ""), "{reachable}");
        assert!(open(reachable, rules), "{reachable}");
    }
}

#[test]
fn the_lines_that_an_error_suggests_suffice() {
    let refusal = ExposureError { listen: "0.0.0.0:80".parse().unwrap() }.to_string();
    let lines = refusal.split("\n\n").find(|part| part.starts_with('[')).unwrap();
    let settings = Settings::from_toml(&format!("listen = \"0.0.0.0:80\"\n{lines}")).unwrap();
    assert!(settings.refuse_open_doors().is_ok());
}

/// The sections of the registry and those of the server are parsed separately.
#[test]
fn mistakes_are_reported_in_either_part_in_the_order_of_the_file() {
    let (registry, server) = ("[accounts]\nsign_up = 1", "[server]\nconnections = \"x\"");
    let (of_registry, of_server) = ("`[accounts] sign_up`", "`[server] connections`");
    for (text, first, second) in [
        (format!("{registry}\n{server}"), of_registry, of_server),
        (format!("{server}\n{registry}"), of_server, of_registry),
    ] {
        let refusal = Settings::from_toml(&text).unwrap_err().to_string();
        assert!(refusal.starts_with(&format!("2 mistakes:\n- line 2: {first}")), "{refusal}");
        assert!(refusal.contains(&format!("\n- line 4: {second}")), "{refusal}");
    }
}

#[test]
fn settings_that_need_a_restart_are_named_in_either_part() {
    let before = Settings::from_toml("[storage.options]\nkey = \"one\"").unwrap();
    let now = "listen = \"127.0.0.1:1\"\n[storage.options]\nkey = \"two\"\n[server]\nlegacy_prefixes = [\"/npm\"]\n\
               [metrics]\npublic = true\n[[packages]]\nmatch = \"**\"";
    let now = Settings::from_toml(now).unwrap();
    assert_eq!(now.changed_since(&before), ["listen", "storage", "metrics", "server"]);
    assert!(now.changed_since(&now.clone()).is_empty());
}
