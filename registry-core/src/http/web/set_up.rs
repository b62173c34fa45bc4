use http::{Response, StatusCode};
use maud::{Markup, html};

use crate::http::body::Body;

use super::command_tabs::command_tabs;
use super::viewer::Viewer;

/// The scope in examples, until the reader names theirs.
const SCOPE: &str = "@acme";

impl Viewer<'_> {
    /// How clients and builds use this registry, with its own address filled in.
    pub(super) fn set_up(&self) -> Response<Body> {
        let registry = format!("{}/", self.frame.base);
        let without_scheme = registry.split_once(':').map_or(registry.as_str(), |(_, rest)| rest);
        let scope = self.field("scope").filter(|scope| is_scope(scope)).unwrap_or_else(|| SCOPE.to_owned());
        let body = html! {
            h1 { "Set up" }
            p.lead { "This registry answers at " code { (registry) } ". Every box can be copied as it is." }
            form.form {
                div { label for="scope" { "Your scope" } br; input id="scope" name="scope" value=(scope) spellcheck="false" autocapitalize="none"; }
                button type="submit" { "Fill in" }
            }
            section { h2 { "A project" }
                p.lead { "For npm, pnpm, yarn 1, bun and deno, in " code { ".npmrc" } " beside " code { "package.json" } ". For all packages:" }
                (block(&format!("registry={registry}")))
                p.lead { "Or only for the packages of a scope:" }
                (block(&format!("{scope}:registry={registry}")))
                p.lead { "For yarn 2 and later, in " code { ".yarnrc.yml" } ":" }
                (block(&format!("npmRegistryServer: \"{registry}\"\nnpmScopes:\n  {}:\n    npmRegistryServer: \"{registry}\"", scope.trim_start_matches('@'))))
            }
            section { h2 { "Your account" }
                (clients(&registry))
            }
            section { h2 { "Publish" }
                p.lead { "In " code { "package.json" } ", so that no command publishes elsewhere by mistake:" }
                (block(&format!("\"publishConfig\": {{ \"registry\": \"{registry}\" }}")))
                (block("npm publish"))
            }
            section { h2 { "A build" }
                p.lead { "A token from " code { "npm token create --read-only" } " in the build's secrets, as the variable " code { "NPM_TOKEN" } ", and in " code { ".npmrc" } ":" }
                (block(&format!("registry={registry}\n{without_scheme}:_authToken=${{NPM_TOKEN}}")))
            }
            section { h2 { "Publish from GitHub Actions without a token" }
                p.lead { "Trusted publishing: the build proves what it is. Once, with your account:" }
                (block(&format!("npm trust github {scope}/pear --file release.yml --repository OWNER/REPOSITORY --allow-publish --registry={registry}")))
                p.lead { "And in " code { ".github/workflows/release.yml" } ":" }
                (block(&github(&registry)))
            }
            section { h2 { "Publish from GitLab without a token" }
                (block(&format!("npm trust gitlab {scope}/pear --file .gitlab-ci.yml --project GROUP/PROJECT --allow-publish --registry={registry}")))
                (block(&gitlab(&registry)))
            }
        };
        self.frame.page(StatusCode::OK, "Set up", Some(""), &body)
    }
}

fn is_scope(scope: &str) -> bool {
    let name = scope.strip_prefix('@').unwrap_or_default();
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn clients(registry: &str) -> Markup {
    let commands = [
        ("npm", format!("npm login --registry={registry}")),
        ("pnpm", format!("pnpm login --registry={registry}")),
        ("yarn", format!("yarn config set npmRegistryServer {registry} && yarn npm login")),
        ("bun", format!("npm login --registry={registry}")),
        ("deno", format!("npm login --registry={registry}")),
    ];
    html! {
        (command_tabs("Sign in with", &commands))
        p.lead.muted { "bun and deno read the token that npm writes." }
    }
}

fn block(text: &str) -> Markup {
    html! { div.copy data-copy { pre.code tabindex="0" { code { (text) } } } }
}

fn github(registry: &str) -> String {
    format!(
        "on: {{ release: {{ types: [published] }} }}\npermissions: {{ contents: read, id-token: write }}\njobs:\n  publish:\n    runs-on: ubuntu-latest\n    \
         steps:\n      - uses: actions/checkout@v5\n      - uses: actions/setup-node@v5\n        with: {{ node-version: 24, registry-url: \"{registry}\" }}\n      \
         - run: npm ci\n      - run: npm publish"
    )
}

fn gitlab(registry: &str) -> String {
    let host = registry.split_once("://").map_or(registry, |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or(host);
    format!(
        "publish:\n  image: node:24\n  rules: [{{ if: $CI_COMMIT_TAG }}]\n  id_tokens:\n    NPM_ID_TOKEN: {{ aud: \"npm:{host}\" }}\n  \
         script:\n    - npm ci\n    - npm publish --registry={registry}"
    )
}
