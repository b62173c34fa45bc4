//! What the pages show.

use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::{open, text_of};

async fn registry() -> TestRegistry {
    let registry = TestRegistry::builder().downloads().signing().start().await;
    let readme = b"# Pear\n\nA *pear*.\n\n![logo](./docs/logo.png)\n\nSee [the guide](docs/use.md).\n";
    for (version, tag) in [("1.0.0", "latest"), ("1.1.0", "latest"), ("2.0.0-rc.1", "next")] {
        let document = PublishDocument::new("@acme/pear", version)
            .tag(tag)
            .field("description", json!("A fruit for programs."))
            .field("license", json!("MIT"))
            .field("engines", json!({ "node": ">=20" }))
            .field("type", json!("module"))
            .field("types", json!("index.d.ts"))
            .field("repository", json!({ "type": "git", "url": "git+https://git.example/acme/pear.git" }))
            .field("dependencies", json!({ "fig": "^1.0.0", "@acme/kiwi": "2" }))
            .field("devDependencies", json!({ "tester": "*" }))
            .file("README.md", readme)
            .file("docs/use.md", b"use it")
            .file("docs/logo.png", b"\x89PNG");
        let _ = registry.ana().publish(&document).await.assert_status(201);
    }
    registry
}

#[tokio::test]
async fn the_home_of_an_empty_registry_says_how_to_publish() {
    let registry = TestRegistry::new().await;
    let page = open(&registry.anonymous(), "/").await.assert_status(200);
    insta::assert_snapshot!(text_of(&page), @r#"
    npm registry
    Search
    No package that you may see yet
    Three commands publish the first one. If you have an account here, there may be packages that only show with it.
    Sign in
    npm login --registry=http://registry.example/
    Make a package, or go to one
    mkdir pear && cd pear && npm init --yes
    Publish it
    npm publish --registry=http://registry.example/
    Set up other clients, a project or a build
    "#);
}

#[tokio::test]
async fn the_home_lists_the_newest_versions() {
    let registry = registry().await;
    registry.clock().advance(std::time::Duration::from_hours(50));
    let _ = registry.ana().publish(&PublishDocument::new("fig", "0.1.0")).await.assert_status(201);
    let page = open(&registry.anonymous(), "/").await.assert_status(200);
    insta::assert_snapshot!(text_of(&page), @r#"
    npm registry
    Search
    Newest versions
    fig
    0.1.0
    by ana
    just now
    @acme/pear
    1.1.0
    MIT
    by ana
    2 days ago
    A fruit for programs.
    "#);
}

#[tokio::test]
async fn a_package_shows_its_readme_and_its_facts() {
    let registry = registry().await;
    let _ = registry.anonymous().get("/@acme/pear/-/pear-1.1.0.tgz").await.assert_status(200);
    registry.registry().flush_downloads().await.unwrap();
    registry.clock().advance(std::time::Duration::from_hours(3));
    let page = open(&registry.anonymous(), "/@acme/pear").await.assert_status(200);
    let text = text_of(&page).replace(&integrity_of(&page), "[integrity]");
    let (before, after) = text.split_once("day by day").unwrap();
    let text = format!("{before}[days]\n{}", &after[after.find("size").unwrap()..]);
    insta::assert_snapshot!(text, @r#"
    @acme/pear
    1.1.0
    latest
    3 hours ago
    by ana
    signed ✓
    A fruit for programs.
    Readme
    Files
    Diff
    Versions (3)
    Dependencies (2)
    Access
    Install with
    npm
    pnpm
    yarn
    bun
    deno
    npm install @acme/pear
    pnpm add @acme/pear
    yarn add @acme/pear
    bun add @acme/pear
    deno add npm:@acme/pear
    Pear
    A
    pear
    .
    See
    the guide
    .
    downloads
    1 this week
    [days]
    size
    487 B unpacked,
    4 files
    license
    MIT
    engines
    node
    >=20
    module
    ES modules, types included
    origin
    published here
    tags
    latest
    1.1.0
    next
    2.0.0-rc.1
    owners
    ana
    repository
    git.example/acme/pear
    you may
    read (
    why
    )
    JSON
    this version
    ,
    bill of materials
    http://registry.example/@acme/pear
    integrity
    [integrity]
    "#);
    let html = page.text();
    assert!(html.contains("<title>@acme/pear 1.1.0 · npm registry</title>"), "{html}");
    assert!(
        html.contains(r#"<img src="/package/@acme/pear/v/1.1.0/raw/docs/logo.png" alt="logo">"#),
        "{html}"
    );
    assert!(html.contains(r#"href="/package/@acme/pear/v/1.1.0/files/docs/use.md""#), "{html}");
    assert!(html.contains(r#"href="https://git.example/acme/pear""#), "{html}");
    let same = open(&registry.anonymous(), "/package/@acme/pear").await;
    assert_eq!(same.body, page.body);
}

fn integrity_of(page: &registry_testkit::http_client::TestResponse) -> String {
    let text = page.text();
    let at = text.find("sha512-").unwrap();
    text[at..].chars().take_while(|sign| *sign != '<').collect()
}

#[tokio::test]
async fn an_older_version_has_its_own_page() {
    let registry = registry().await;
    let page = open(&registry.anonymous(), "/package/@acme/pear/v/1.0.0").await.assert_status(200);
    let text = text_of(&page);
    assert!(
        text.contains("The latest version is\n1.1.0") || text.contains("The latest version is 1.1.0"),
        "{text}"
    );
    assert!(text.contains("npm install @acme/pear@1.0.0"), "{text}");
    let next = open(&registry.anonymous(), "/package/@acme/pear/v/next").await.assert_status(200);
    assert!(text_of(&next).contains("2.0.0-rc.1"));
    let _ = open(&registry.anonymous(), "/package/@acme/pear/v/3.0.0").await.assert_status(404);
}

#[tokio::test]
async fn versions_are_filtered_as_npm_reads_ranges() {
    let registry = registry().await;
    let listed = async |query: &str| {
        let path = format!("/package/@acme/pear/versions{query}");
        let text = text_of(&open(&registry.anonymous(), &path).await.assert_status(200));
        let table = text.split_once("compare").unwrap().1.to_owned();
        ["1.0.0", "1.1.0", "2.0.0-rc.1"].map(|version| table.lines().any(|line| line == version))
    };
    assert_eq!(listed("").await, [true, true, false]);
    assert_eq!(listed("?prereleases=1").await, [true, true, true]);
    assert_eq!(listed("?range=%5E1.1").await, [false, true, false]);
    assert_eq!(listed("?range=nonsense+here").await, [true, true, false]);
    let page = open(&registry.anonymous(), "/package/@acme/pear/versions").await;
    let text = text_of(&page);
    insta::assert_snapshot!(text.split_once("all versions").unwrap_or(("", &text)).1, @r#"
    @acme/pear
    1.1.0
    latest
    just now
    by ana
    signed ✓
    A fruit for programs.
    Readme
    Files
    Diff
    Versions (3)
    Dependencies (2)
    Access
    492 B
    0 B
    2026-01-02
    1.0.0, 2026-01-02, 487 B
    1.1.0, 2026-01-02, 487 B
    2.0.0-rc.1, 2026-01-02, 492 B, prerelease
    Each dot is a version: time to the right, unpacked size upwards. Hollow: prerelease. Crossed: deprecated.
    Range, as npm reads it
    Filter
    2 versions; 1 prerelease folded:
    show them
    version
    tags
    published
    by
    size
    dependencies
    this week
    signed
    compare
    1.x
    1.1.0
    latest
    just now
    ana
    487 B
    2
    0
    signed
    with 1.0.0
    1.0.0
    just now
    ana
    487 B
    2
    0
    signed
    "#);
}

#[tokio::test]
async fn a_search_finds_by_word_and_pages() {
    let registry = registry().await;
    for number in 0..30 {
        let document = PublishDocument::new(&format!("fruit-{number:02}"), "1.0.0");
        let _ = registry.ana().publish(&document).await.assert_status(201);
    }
    let first = text_of(&open(&registry.anonymous(), "/search?q=fruit").await.assert_status(200));
    assert!(first.contains("31 packages") && first.ends_with("Next"), "{first}");
    let second = text_of(&open(&registry.anonymous(), "/search?q=fruit&from=25").await.assert_status(200));
    assert!(second.ends_with("Previous") && !second.contains("fruit-03\n"), "{second}");
    let none = text_of(&open(&registry.anonymous(), "/search?q=zebra").await.assert_status(200));
    assert!(none.contains("No package that you may see matches"), "{none}");
    let _ = open(&registry.anonymous(), "/search").await.assert_status(200);
    let long = format!("/search?q={}", "a".repeat(2000));
    let refused = open(&registry.anonymous(), &long).await.assert_status(400);
    assert!(text_of(&refused).contains("longer than 1000 bytes"));
}

#[tokio::test]
async fn the_set_up_page_names_this_registry_and_the_given_scope() {
    let registry = TestRegistry::new().await;
    let page = open(&registry.anonymous(), "/-/web/set-up?scope=@fruit").await.assert_status(200);
    insta::assert_snapshot!(text_of(&page), @r#"
    Set up
    This registry answers at
    http://registry.example/
    . Every box can be copied as it is.
    Your scope
    Fill in
    A project
    For npm, pnpm, yarn 1, bun and deno, in
    .npmrc
    beside
    package.json
    . For all packages:
    registry=http://registry.example/
    Or only for the packages of a scope:
    @fruit:registry=http://registry.example/
    For yarn 2 and later, in
    .yarnrc.yml
    :
    npmRegistryServer: "http://registry.example/" npmScopes: fruit: npmRegistryServer: "http://registry.example/"
    Your account
    Sign in with
    npm
    pnpm
    yarn
    bun
    deno
    npm login --registry=http://registry.example/
    pnpm login --registry=http://registry.example/
    yarn config set npmRegistryServer http://registry.example/ && yarn npm login
    npm login --registry=http://registry.example/
    npm login --registry=http://registry.example/
    bun and deno read the token that npm writes.
    Publish
    In
    package.json
    , so that no command publishes elsewhere by mistake:
    "publishConfig": { "registry": "http://registry.example/" }
    npm publish
    A build
    A token from
    npm token create --read-only
    in the build's secrets, as the variable
    NPM_TOKEN
    , and in
    .npmrc
    :
    registry=http://registry.example/ //registry.example/:_authToken=${NPM_TOKEN}
    Publish from GitHub Actions without a token
    Trusted publishing: the build proves what it is. Once, with your account:
    npm trust github @fruit/pear --file release.yml --repository OWNER/REPOSITORY --allow-publish --registry=http://registry.example/
    And in
    .github/workflows/release.yml
    :
    on: { release: { types: [published] } } permissions: { contents: read, id-token: write } jobs: publish: runs-on: ubuntu-latest steps: - uses: actions/checkout@v5 - uses: actions/setup-node@v5 with: { node-version: 24, registry-url: "http://registry.example/" } - run: npm ci - run: npm publish
    Publish from GitLab without a token
    npm trust gitlab @fruit/pear --file .gitlab-ci.yml --project GROUP/PROJECT --allow-publish --registry=http://registry.example/
    publish: image: node:24 rules: [{ if: $CI_COMMIT_TAG }] id_tokens: NPM_ID_TOKEN: { aud: "npm:registry.example" } script: - npm ci - npm publish --registry=http://registry.example/
    "#);
}

#[tokio::test]
async fn a_failure_is_a_page_too() {
    let registry = registry().await;
    let page = open(&registry.anonymous(), "/package/absent").await.assert_status(404);
    insta::assert_snapshot!(text_of(&page), @r#"
    Not found
    the package absent does not exist in this registry.
    All packages
    "#);
    for (path, status) in
        [("/package/pear/v/1.0.0/nothing", 404), ("/package/..%2fx", 400), ("/-/web/nothing", 404)]
    {
        assert_eq!(open(&registry.anonymous(), path).await.status, status, "{path}");
    }
}
