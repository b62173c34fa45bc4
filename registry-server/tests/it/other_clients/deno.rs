use std::fs;

use registry_testkit::clients::{DENO, Npm, package};

use super::{Manager, Place, installed_version};
use crate::support::publish;

/// It publishes to no npm registry, so npm does that here.
const MANAGER: Manager = Manager {
    pinned: &DENO,
    publish: &[],
    add: &["add", "--minimum-dependency-age=0"],
    lock_file: "deno.lock",
    frozen: &["install", "--frozen", "--minimum-dependency-age=0"],
};

const PROJECT: &str = "{ \"nodeModulesDir\": \"auto\" }\n";

async fn place_with_packages() -> Place {
    let place = Place::of(&MANAGER).await;
    let npm = Npm::with_token(place.server.base_url(), &place.token).await;
    publish(&npm, &package("@acme/base", "1.2.0")).await;
    publish(&npm, &package("one", "1.0.0").dependency("@acme/base", "^1.0.0")).await;
    place
}

#[tokio::test]
async fn packages_are_installed_locked_and_run() {
    let place = place_with_packages().await;
    let parts = package("project", "0.0.0").file("deno.json", PROJECT);
    let parts = parts.file("main.js", "import base from \"@acme/base\";\nconsole.log(base);\n");
    let project = place.client.home().project(&parts);
    let add = [MANAGER.add, &["npm:@acme/base", "npm:one"]].concat();
    let _ = place.client.run_in(&project, &add).await.assert_success();
    assert_eq!(installed_version(&project, "one"), "1.0.0");
    let run = place.client.run_in(&project, &["run", "--cached-only", "main.js"]).await.assert_success();
    assert_eq!(run.stdout, "@acme/base@1.2.0\n");

    let lock = fs::read_to_string(project.join(MANAGER.lock_file)).unwrap();
    let integrity = &place.packument("@acme/base").await["versions"]["1.2.0"]["dist"]["integrity"];
    let address = format!("\"{}/@acme/base/-/base-1.2.0.tgz\"", place.server.base_url());
    assert!(lock.contains(&integrity.to_string()) && lock.contains(&address), "{lock}");

    let colleague = place.colleague("bob").await;
    let copy = colleague.home().project(&parts);
    for file in ["package.json", "deno.json", MANAGER.lock_file] {
        fs::copy(project.join(file), copy.join(file)).unwrap();
    }
    let _ = colleague.run_in(&copy, MANAGER.frozen).await.assert_success();
    assert_eq!(installed_version(&copy, "@acme/base"), "1.2.0");
}

#[tokio::test]
async fn deno_gates_by_age_as_published_times_say() {
    let place = place_with_packages().await;
    let project = place.client.home().project(&package("project", "0.0.0").file("deno.json", PROJECT));
    let gated = place.client.run_in(&project, &["add", "npm:@acme/base"]).await.assert_failure();
    let _ = gated.assert_printed("newer than the specified minimum dependency date");
}

#[tokio::test]
async fn a_scope_is_exempt_from_the_age_gate_where_the_project_says_so() {
    let place = place_with_packages().await;
    let settings = r#"{
        "nodeModulesDir": "auto",
        "minimumDependencyAge": { "age": "P1D", "exclude": ["npm:@acme/*"] }
    }"#;
    let project = place.client.home().project(&package("project", "0.0.0").file("deno.json", settings));
    let _ = place.client.run_in(&project, &["add", "npm:@acme/base"]).await.assert_success();
    assert_eq!(installed_version(&project, "@acme/base"), "1.2.0");
    let _ = place.client.run_in(&project, &["add", "npm:one"]).await.assert_failure();
}
