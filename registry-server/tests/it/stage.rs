//! Staged publishing with every client that has commands for it.

use std::fs;

use registry_testkit::clients::{Client, NPM, PNPM, PinnedClient, YARN_4, package};
use serde_json::{Value, json};

use crate::support::with_each_npm;
use crate::two_factor::Careful;

/// The id that a client printed.
fn id_in(printed: &str) -> String {
    let is_id =
        |word: &&str| word.len() == 36 && word.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    let mut words = printed.split(|character: char| character != '-' && !character.is_ascii_hexdigit());
    words.find(is_id).unwrap_or_else(|| panic!("no id in {printed}")).to_owned()
}

/// A client's project that depends on nothing, and whether it can install this.
async fn can_install(client: &Client, specification: &str) -> bool {
    let project = client.home().project(&package("project", "0.0.0"));
    client.run_in(&project, &["install", specification]).await.status.success()
}

with_each_npm!(npm_stages_looks_approves_and_rejects,);

async fn npm_stages_looks_approves_and_rejects(npm: &PinnedClient) {
    let careful = Careful::ana().await;
    let npm = careful.client(npm).await;
    let folder = npm.home().project(&package("@acme/one", "1.0.0"));
    // No user is asked for digits.
    let staged = npm.run_in(&folder, &["stage", "publish"]).await.assert_success();
    let staged = staged.assert_printed("+ @acme/one@1.0.0 (staged with id ");
    let id = id_in(&staged.stdout);
    let _ = npm.run(&["view", "@acme/one"]).await.assert_failure().assert_printed("npm error code E404");
    assert!(!can_install(&npm, "@acme/one").await);

    let listed = npm.run(&["stage", "list", "--json"]).await.assert_success().stdout;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let item = &listed[0];
    let shown = [
        &item["id"],
        &item["packageName"],
        &item["version"],
        &item["tag"],
        &item["actor"],
        &item["actorType"],
    ];
    assert_eq!(json!(shown), json!([id, "@acme/one", "1.0.0", "latest", "ana", "user"]));
    let of_other = npm.run(&["stage", "list", "other"]).await.assert_success();
    let _ = of_other.assert_printed("No staged versions of package name \"other\".");
    let viewed = npm.run(&["stage", "view", &id]).await.assert_success();
    let _ = viewed.assert_printed("package name: @acme/one").assert_printed("staged by: ana (user)");

    let downloads = npm.home().work_folder();
    let downloaded = npm.run_in(&downloads, &["stage", "download", &id]).await.assert_success();
    let file = format!("acme-one-1.0.0-{id}.tgz");
    let _ = downloaded.assert_printed(&file);
    let kept = fs::read(downloads.join(file)).unwrap();

    let asked = npm.run(&["stage", "approve", &id]).await.assert_failure();
    let _ = asked.assert_printed("npm error code EOTP");
    let wrong = npm.run(&["stage", "approve", &id, "--otp=000000"]).await.assert_failure();
    let _ = wrong.assert_printed("npm error code EOTP");
    assert!(!can_install(&npm, "@acme/one").await);
    let digits = format!("--otp={}", careful.next_digits());
    let approved = npm.run(&["stage", "approve", &id, &digits]).await.assert_success();
    let _ = approved.assert_printed("approved and published successfully");
    assert!(can_install(&npm, "@acme/one").await);
    let served = careful.registry.http().get("/@acme/one/-/one-1.0.0.tgz").send().await.assert_status(200);
    assert_eq!(served.body, kept);
    let _ = npm.run(&["stage", "view", &id]).await.assert_failure().assert_printed("npm error code E404");

    // The same number cannot be staged or published, and one that is rejected can.
    let again = npm.run_in(&folder, &["stage", "publish", "--force"]).await.assert_failure();
    let _ = again.assert_printed("You cannot publish over the previously published versions: 1.0.0.");
    let folder = npm.home().project(&package("@acme/one", "1.1.0"));
    let id = id_in(&npm.run_in(&folder, &["stage", "publish"]).await.assert_success().stdout);
    let taken = npm.run_in(&folder, &["publish", &digits]).await.assert_failure();
    // npm shows no id in an error, so that the error names the list, too.
    let _ =
        taken.assert_printed("npm error code E403").assert_printed("`npm stage list @acme/one` shows the ID");
    let _ = npm.run(&["stage", "reject", &id]).await.assert_failure().assert_printed("npm error code EOTP");
    let rejected = npm.run(&["stage", "reject", &id, &digits]).await.assert_success();
    let _ = rejected.assert_printed("has been rejected");
    assert_eq!(npm.run(&["stage", "list"]).await.assert_success().stdout, "No staged packages found.\n");
    let _ = npm.run_in(&folder, &["publish", &digits]).await.assert_success();
}

#[tokio::test]
async fn pnpm_stages_looks_approves_and_rejects() {
    let careful = Careful::ana().await;
    let pnpm = careful.client(&PNPM).await;
    let folder = pnpm.home().project(&package("@acme/one", "1.0.0"));
    let run = async |arguments: &[&str]| pnpm.run_in(&folder, &[&["stage"], arguments].concat()).await;
    let staged = run(&["publish", "--no-git-checks"]).await.assert_success();
    let id = id_in(&format!("{}{}", staged.stdout, staged.stderr));
    assert!(!can_install(&pnpm, "@acme/one").await);
    let _ = run(&["list"]).await.assert_success().assert_printed(&id);
    let _ = run(&["view", &id]).await.assert_success().assert_printed("@acme/one");
    let _ = run(&["download", &id]).await.assert_success();
    let tarballs = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(tarballs.filter(|path| path.extension().is_some_and(|end| end == "tgz")).count(), 1);
    let digits = format!("--otp={}", careful.next_digits());
    let _ = run(&["approve", &id, &digits]).await.assert_success();
    assert!(can_install(&pnpm, "@acme/one").await);

    let folder = pnpm.home().project(&package("@acme/one", "1.1.0"));
    let staged = pnpm.run_in(&folder, &["stage", "publish", "--no-git-checks"]).await.assert_success();
    let id = id_in(&format!("{}{}", staged.stdout, staged.stderr));
    let _ = run(&["reject", &id, &digits]).await.assert_success();
    assert!(!run(&["list"]).await.assert_success().printed(&id));
}

/// pnpm trusts a version that a user approved more than one that was published directly.
#[tokio::test]
async fn pnpm_sees_that_a_version_was_approved() {
    let careful = Careful::ana().await;
    let (npm, pnpm) = (careful.client(&NPM).await, careful.client(&PNPM).await);
    let digits = format!("--otp={}", careful.next_digits());
    let folder = npm.home().project(&package("one", "1.0.0"));
    let id = id_in(&npm.run_in(&folder, &["stage", "publish"]).await.assert_success().stdout);
    let _ = npm.run(&["stage", "approve", &id, &digits]).await.assert_success();
    let folder = npm.home().project(&package("one", "1.1.0"));
    let _ = npm.run_in(&folder, &["publish", &digits]).await.assert_success();

    let careful_project =
        package("project", "0.0.0").file("pnpm-workspace.yaml", "trustPolicy: no-downgrade\n");
    let project = pnpm.home().project(&careful_project);
    let refused = pnpm.run_in(&project, &["add", "one@1.1.0"]).await.assert_failure();
    let _ = refused.assert_printed("trust downgrade for \"one@1.1.0\"");
    let _ = pnpm.run_in(&project, &["add", "one@1.0.0"]).await.assert_success();
}

#[tokio::test]
async fn yarn_4_stages_lists_approves_and_rejects() {
    let careful = Careful::ana().await;
    let yarn = careful.client(&YARN_4).await;
    let folder = yarn.home().project(&package("one", "1.0.0"));
    let run = async |arguments: &[&str]| yarn.run_in(&folder, &[&["npm"], arguments].concat()).await;
    let _ = yarn.run_in(&folder, &["install"]).await.assert_success();
    let _ = run(&["publish", "--staged"]).await.assert_success();
    let listed = run(&["stage", "list", "--json"]).await.assert_success().stdout;
    let id = id_in(&listed);
    let project = yarn.home().project(&package("project", "0.0.0"));
    let _ = yarn.run_in(&project, &["add", "one"]).await.assert_failure();
    let digits = careful.next_digits();
    let _ = run(&["stage", "approve", &id, "--otp", &digits]).await.assert_success();
    careful.assert_published("one").await;
    let _ = yarn.run_in(&project, &["add", "one"]).await.assert_success();

    let next = yarn.home().project(&package("one", "1.1.0"));
    let _ = yarn.run_in(&next, &["install"]).await.assert_success();
    let _ = yarn.run_in(&next, &["npm", "publish", "--staged"]).await.assert_success();
    let id = id_in(&run(&["stage", "list", "--json", "one"]).await.assert_success().stdout);
    let _ = run(&["stage", "reject", &id, "--otp", &digits]).await.assert_success();
    assert_eq!(run(&["stage", "list", "--json"]).await.assert_success().stdout.matches(&id).count(), 0);
}
