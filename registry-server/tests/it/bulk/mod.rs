//! The commands `domain`, `encrypt`, `index` and `remove-storage`, from outside.

mod buckets;
mod import;
mod in_and_out;
mod sources;
mod verdaccio;

use std::collections::BTreeMap;
use std::fs;
use std::process::Output;
use std::time::{Duration, SystemTime};

use registry_core::clock::{Clock as _, SystemClock};
use registry_core::storage::LocalDisk;
use registry_testkit::clients::{Answer, on_terminal_answering};
use registry_testkit::codebox_npm::{API_ENDPOINT, CodeboxNpm};
use registry_testkit::fake_receiver::FakeReceiver;
use registry_testkit::publish_document::PublishDocument;
use tempfile::TempDir;

use crate::running::{registry_server, run, stderr_of_failure};
use crate::support::{Registry, files_below, sign_up};

const MOVED: &str = "https://npm.example.com/registry";

/// A folder, and the commands on it.
struct Storage(TempDir);

impl Storage {
    /// The bucket of codebox-npm, copied into a folder.
    async fn of_codebox() -> Self {
        let folder = TempDir::with_prefix("codebox-").unwrap();
        CodeboxNpm::sample().copy_to(&LocalDisk::open(folder.path()).unwrap()).await.unwrap();
        Self(folder)
    }

    fn url(&self) -> String {
        format!("file:{}", self.0.path().display())
    }

    fn name(&self) -> String {
        self.0.path().file_name().unwrap().to_string_lossy().into_owned()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        run(&[arguments, &["--storage", &self.url()]].concat())
    }

    /// What a command prints that succeeds.
    #[track_caller]
    fn printed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Path → content, of all objects.
    fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        files_below(&self.0.path().join("objects"))
    }

    /// Makes all objects as old as those of a storage that is not used any more.
    fn age(&self) {
        let old = SystemTime::from(SystemClock.now()) - Duration::from_hours(1);
        for name in self.objects().keys() {
            let file =
                fs::File::options().write(true).open(self.0.path().join("objects").join(name)).unwrap();
            file.set_modified(old).unwrap();
        }
    }
}

/// Why a command failed that printed something before.
#[track_caller]
fn failure(output: &Output) -> String {
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    stderr
}

#[test]
fn memory_and_a_storage_that_is_not_there_are_refused() {
    let empty = TempDir::new().unwrap();
    let empty = format!("file:{}", empty.path().join("none").display());
    for command in ["domain", "encrypt", "index", "remove-storage"] {
        let refused = stderr_of_failure(&run(&[command, "--storage", "memory:"]), 1);
        assert!(refused.contains("nothing persists in the storage memory"), "{command}: {refused}");
        let refused = stderr_of_failure(&run(&[command, "--storage", &empty]), 1);
        assert!(refused.contains("there is no registry in"), "{command}: {refused}");
    }
}

#[tokio::test]
async fn a_storage_is_backed_up_and_restored_elsewhere() {
    let registry = Registry::start().await;
    let token = sign_up(&registry.http(), "ana").await;
    let document = PublishDocument::new("pear", "1.0.0").build();
    let _ = registry.http().put("/pear").bearer(&token).json(&document).send().await.assert_status(201);
    let from = format!("file:{}", registry.storage().display());
    let places = TempDir::new().unwrap();
    let place = |name: &str| format!("file:{}", places.path().join(name).display());
    let (backup, restored) = (place("backup"), place("restored"));
    let copy = |from: &str, to: &str, more: &[&str]| {
        let output = run(&[&["copy", from, to], more].concat());
        let printed = String::from_utf8(output.stdout.clone()).unwrap();
        (output, printed)
    };

    let (_, printed) = copy(&from, &backup, &["--dry-run"]);
    assert!(printed.contains(r#""unchanged":0,"deleted":0,"dry-run":true,"failures":0"#), "{printed}");
    assert!(!places.path().join("backup").exists());
    for _ in 0..2 {
        let (output, printed) = copy(&from, &backup, &[]);
        assert!(output.status.success(), "{printed}");
    }
    let (_, printed) = copy(&backup, &restored, &[]);
    assert!(printed.contains(r#""deleted":0,"dry-run":false,"failures":0"#), "{printed}");
    let objects = |name: &str| {
        let mut objects = files_below(&places.path().join(name).join("objects"));
        objects.remove("_copy.json");
        objects
    };
    assert_eq!(objects("backup"), files_below(&registry.storage().join("objects")));
    assert_eq!(objects("restored"), objects("backup"));
    let verified = run(&["verify", "--storage", &restored]);
    assert!(verified.status.success(), "{verified:?}");

    fs::remove_file(places.path().join("backup/objects/_registry.json")).unwrap();
    for (from, to, reason) in [
        (backup.as_str(), place("new").as_str(), "start the server on it once"),
        (from.as_str(), from.as_str(), "lies within the other"),
        (&from, &format!("{from}/objects"), "lies within the other"),
        (&place("none"), &place("new"), "there is no registry in"),
        ("memory:", &place("new"), "nothing persists in the storage memory"),
        (&from, "memory:", "nothing persists in the storage memory"),
    ] {
        let (output, _) = copy(from, to, &[]);
        let refused = stderr_of_failure(&output, 1);
        assert!(refused.contains(reason), "{from} {to}: {refused}");
        assert!(!places.path().join("new").exists());
    }
}

/// The folder was there before, as `mkdir` makes it.
#[cfg(unix)]
#[tokio::test]
async fn a_copy_into_an_open_folder_is_closed_to_others() {
    use std::os::unix::fs::PermissionsExt as _;

    let registry = Registry::start().await;
    let _ = sign_up(&registry.http(), "ana").await;
    let target = TempDir::new().unwrap();
    let set = |folder: &std::path::Path, mode| {
        fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
    };
    set(target.path(), 0o755);
    let copy = || {
        let (from, to) = (registry.storage().display(), target.path().display());
        let output = run(&["copy", &format!("file:{from}"), &format!("file:{to}")]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(copy(), "");
    let objects = target.path().join("objects");
    assert_eq!(fs::metadata(&objects).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(objects.join("_accounts/ana.json").exists());
    // As it was made before.
    set(&objects, 0o755);
    let folder = target.path().display();
    assert!(copy().contains(&format!("WARNING: every user of this machine may enter {folder}")));
    set(target.path(), 0o700);
    assert_eq!(copy(), "");
}

#[tokio::test]
async fn hosts_of_codebox_npm_are_told_and_moved_on_request() {
    let storage = Storage::of_codebox().await;
    let before = storage.objects();
    insta::assert_snapshot!(storage.printed(&["domain"]), @r#"
    {"package":"@acme/tools","hosts":{"https://old.registry.example/prod/registry":2},"moved":0}
    {"package":"OldPear","hosts":{"https://old.registry.example/prod/registry":1},"moved":0}
    {"package":"left-pear","hosts":{"https://old.registry.example/prod/registry":3},"moved":0}
    {"package":"no-endpoint","hosts":{"undefined":1},"moved":0}
    {"packages":4,"hosts":{"https://old.registry.example/prod/registry":6,"undefined":1},"unknown":0,"moved":0,"dry-run":false,"failures":0}
    "#);
    let dry_run = storage.printed(&["domain", "--host", MOVED, "--dry-run"]);
    assert!(dry_run.contains(r#""moved":7,"dry-run":true,"failures":0"#), "{dry_run}");
    assert_eq!(storage.objects(), before, "neither wrote anything");

    let moved = storage.printed(&["domain", "--host", MOVED]);
    assert!(moved.contains(r#""moved":7,"dry-run":false,"failures":0"#), "{moved}");
    let after = storage.objects();
    let has_old = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).contains(API_ENDPOINT);
    assert!(before.values().any(has_old) && !after.values().any(has_old));
    let again = storage.printed(&["domain", "--host", MOVED]);
    assert!(again.contains(r#""moved":0"#), "{again}");
    assert_eq!(storage.objects(), after);
}

#[tokio::test]
async fn a_package_that_cannot_be_read_makes_the_command_fail_after_all_others() {
    let storage = Storage::of_codebox().await;
    fs::write(storage.0.path().join("objects/left-pear/index.json"), "{").unwrap();
    let output = storage.run(&["domain", "--host", MOVED]);
    assert_eq!(failure(&output), "registry-server: 1 failure: mend its cause, and run the command again\n");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains(r#"{"error":"cannot read or change the package left-pear: "#), "{stdout}");
    assert!(stdout.contains(r#""moved":4,"dry-run":false,"failures":1}"#), "{stdout}");
}

#[test]
fn a_host_that_is_no_url_is_refused() {
    for wrong in
        ["npm.example.com", "ftp://npm.example.com", "https://ana@npm.example.com", "https://a.example/?x"]
    {
        let refused = stderr_of_failure(&run(&["domain", "--host", wrong]), 2);
        assert!(refused.contains("write https://HOST or https://HOST/PATH"), "{wrong}: {refused}");
    }
}

#[tokio::test]
async fn a_folder_has_nothing_to_encrypt_with() {
    let storage = Storage::of_codebox().await;
    let before = storage.objects();
    let told = format!(
        "{{\"rewritten\":0,\"reason\":\"nothing to do: {} has no encryption of its own; encrypt the disk that it is \
         on\",\"failures\":0}}\n",
        storage.url()
    );
    assert_eq!(storage.printed(&["encrypt"]), told);
    assert_eq!(storage.objects(), before);
}

#[cfg(feature = "aws")]
mod on_a_bucket {
    use registry_testkit::fake_s3::{FakeS3, S3Request};

    use super::{CodeboxNpm, failure, registry_server};

    const HEADER: &str = "x-amz-server-side-encryption";

    async fn bucket() -> FakeS3 {
        let s3 = FakeS3::start().await;
        for (key, content) in CodeboxNpm::sample().objects() {
            s3.put(key, content.clone());
        }
        s3
    }

    async fn run(
        s3: &FakeS3,
        arguments: &'static [&'static str],
        kind: &'static str,
    ) -> std::process::Output {
        let url = s3.url();
        let mut command = registry_server(&[arguments, &["--storage", &url]].concat());
        command.envs(s3.variables()).env("AWS_SERVER_SIDE_ENCRYPTION", kind);
        // The bucket answers on this runtime.
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    fn puts(requests: &[S3Request]) -> Vec<&S3Request> {
        let of_probe = |request: &S3Request| request.key.starts_with("_probe");
        requests.iter().filter(|request| request.method == "PUT" && !of_probe(request)).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_object_is_written_again_with_the_encryption() {
        let s3 = bucket().await;
        let before = s3.objects();
        s3.want_encryption();
        let output = run(&s3, &["encrypt", "--dry-run"], "AES256").await;
        let count = format!("\"rewritten\":{},", before.len());
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains(&count) && printed.contains(r#""dry-run":true"#), "{printed}");
        assert_eq!(puts(&s3.take_requests()).len(), 0);

        let output = run(&s3, &["encrypt"], "AES256").await;
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && printed.contains(&count), "{printed}");
        let requests = s3.take_requests();
        let puts = puts(&requests);
        assert_eq!(puts.len(), before.len());
        for put in puts {
            assert!(put.headers.contains_key(HEADER) && put.headers.contains_key("if-match"), "{put}");
        }
        assert_eq!(s3.objects(), before);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn objects_are_left_out_by_the_time_of_their_last_write() {
        let s3 = bucket().await;
        // The bucket says of all objects that they were written in January 2026.
        let output = run(&s3, &["encrypt", "--before", "2026-01-01"], "AES256").await;
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains(r#""rewritten":0"#), "{printed}");
        let output = run(&s3, &["encrypt", "--before", "tomorrow"], "AES256").await;
        assert!(failure(&output).contains("is not a time"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_bucket_without_encryption_is_left_alone() {
        let s3 = bucket().await;
        let output = run(&s3, &["encrypt"], "none").await;
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains("nothing to do: aws_server_side_encryption is none"), "{printed}");
        assert_eq!(s3.take_requests().len(), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_removed_bucket_keeps_its_old_versions_and_the_operator_is_told() {
        let s3 = bucket().await;
        let output = run(&s3, &["remove-storage", "--yes", "packages"], "AES256").await;
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        assert!(stderr.contains("aws s3api list-object-versions --bucket packages`"), "{stderr}");
        assert_eq!(s3.objects().len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_are_sent_to_webhooks_again() {
    let registry = Registry::start().await;
    let token = sign_up(&registry.http(), "ana").await;
    for name in ["fig", "pear"] {
        let document = PublishDocument::new(name, "1.0.0").build();
        let _ = registry
            .http()
            .put(&format!("/{name}"))
            .bearer(&token)
            .json(&document)
            .send()
            .await
            .assert_status(201);
    }
    assert!(registry.server.stop().await.success());
    let storage = Storage(registry.storage);
    let receiver = FakeReceiver::start().await;
    let config = format!(
        "[webhooks.ci]\nurl = \"{}/hook\"\nsecret_env = \"CI_SECRET\"\nkinds = [\"indexed\"]\n",
        receiver.url()
    );
    let index = async |arguments: &[&str]| {
        let url = storage.url();
        let arguments = [&["index", "--config", &config, "--storage", &url], arguments].concat();
        let mut command = registry_server(&arguments);
        command.env("CI_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    };
    let before = storage.objects();
    let output = index(&["--dry-run"]).await;
    assert!(output.status.success(), "{output:?}");
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap(), @r#"
    {"package":"fig","version":"1.0.0"}
    {"package":"pear","version":"1.0.0"}
    {"packages":2,"sinks":1,"search-index":"unchanged","dry-run":true,"failures":0}
    "#);
    assert_eq!((storage.objects(), receiver.received().len()), (before, 0));

    let output = index(&[]).await;
    assert!(output.status.success(), "{output:?}");
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap(), @r#"
    {"package":"fig","version":"1.0.0"}
    {"package":"pear","version":"1.0.0"}
    {"packages":2,"sinks":1,"search-index":"rebuilt","dry-run":false,"failures":0}
    "#);
    let types = |receiver: &FakeReceiver| -> Vec<String> {
        receiver.received().iter().map(|received| received.json()["type"].to_string()).collect()
    };
    assert_eq!(types(&receiver), [r#""package.indexed""#; 2]);

    // Both as a batch, and then each alone.
    receiver.answer_next(&[500; 4]);
    let output = index(&[]).await;
    assert_eq!(
        failure(&output).lines().last().unwrap(),
        "registry-server: 2 failures: mend their causes, and run the command again"
    );
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains(r#"{"error":"fig was not accepted by webhook-ci: "#), "{stdout}");
}

#[tokio::test]
async fn a_storage_is_removed_only_by_its_name_and_while_it_is_not_used() {
    let storage = Storage::of_codebox().await;
    let before = storage.objects();
    let total = format!("\"objects\":{},", before.len());
    let dry_run = storage.printed(&["remove-storage", "--dry-run"]);
    assert!(dry_run.contains(r#"{"folder":"left-pear","objects":4,"#), "{dry_run}");
    assert!(dry_run.lines().last().unwrap().contains(&total), "{dry_run}");

    let name = storage.name();
    let used = failure(&storage.run(&["remove-storage", "--yes", &name]));
    assert!(used.contains("a process seems to use the storage") && used.contains("--even-if-used"), "{used}");
    storage.age();
    let unasked = failure(&storage.run(&["remove-storage"]));
    assert!(unasked.contains(&format!("name the storage with --yes {name}")), "{unasked}");
    let wrong = failure(&storage.run(&["remove-storage", "--yes", "registry"]));
    assert!(
        wrong.contains(&format!("\"registry\" is not the name of the storage, which is {name}")),
        "{wrong}"
    );
    assert_eq!(storage.objects(), before, "nothing was deleted");

    let removed = storage.printed(&["remove-storage", "--yes", &name]);
    let last = format!("{{\"deleted\":{},\"versions\":0,\"failures\":0}}", before.len());
    assert_eq!(removed.lines().last().unwrap(), last);
    assert_eq!(storage.objects(), BTreeMap::new());
}

#[tokio::test]
async fn on_a_terminal_the_name_is_asked_for() {
    let storage = Storage::of_codebox().await;
    let before = storage.objects();
    let name = storage.name();
    let remove = async |answer: &str| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_registry-server"));
        command.args(["remove-storage", "--even-if-used", "--storage", &storage.url()]);
        let answers = [Answer::new("for ever: ", answer)];
        on_terminal_answering(command, "registry-server remove-storage", &answers).await
    };
    let refused = remove("yes").await.assert_failure();
    let counted = refused.printed("left-pear") && refused.printed("4 objects");
    assert!(refused.printed("nothing was deleted") && counted, "{refused}");
    assert_eq!(storage.objects(), before);
    let removed = remove(&name).await.assert_success();
    assert!(removed.printed(&format!("{} objects deleted from", before.len())), "{removed}");
    assert_eq!(storage.objects(), BTreeMap::new());
}
