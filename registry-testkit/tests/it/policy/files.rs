use std::fs;

use tempfile::TempDir;

use super::*;

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::with_prefix("policy-files-").unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }
}

fn serve_pear(world: &World) {
    let old = |version| (version, Some("2025-11-01T00:00:00.000Z"), json!({}));
    serve(&world.upstream, "pear", &[old("1.0.0"), old("1.1.0"), old("2.0.0")]);
}

async fn served(world: &World) -> Vec<u16> {
    let mut statuses = Vec::new();
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        statuses.push(world.get(&tarball("pear", version)).await.status.as_u16());
    }
    statuses
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_list_in_a_file_counts_again_within_a_second_of_its_change() {
    let files = Files::new();
    files.write("blocked.txt", "# nothing yet\n");
    let world = World::new(&json!([{ "match": "**", "block_file": files.path("blocked.txt") }]));
    serve_pear(&world);
    assert_eq!(served(&world).await, [200, 200, 200]);
    files.write("blocked.txt", "pear@>=1.1.0 <2.0.0  a worm\n");
    world.clock.advance(SECOND);
    assert_eq!(served(&world).await, [200, 403, 200]);
    assert_eq!(versions(&world.get("/pear").await), ["1.0.0", "2.0.0"]);
    let refused = world.get(&tarball("pear", "1.1.0")).await;
    assert!(refused.error().contains("is blocked: a worm (rule block_file"), "{}", refused.error());
    files.write("blocked.txt", "pear@2.x\n");
    world.clock.advance(Duration::from_millis(999));
    assert_eq!(served(&world).await, [200, 403, 200], "it is looked at once a second");
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(served(&world).await, [200, 200, 403]);
    assert_eq!(versions(&world.get("/pear").await), ["1.0.0", "1.1.0"]);
}

#[tokio::test]
async fn a_list_of_allowed_versions_adds_to_the_table() {
    let files = Files::new();
    files.write("allowed.txt", "pear@1.0.x\n");
    let table = json!({ "match": "**", "allow": ["pear@2.0.0"], "allow_file": files.path("allowed.txt") });
    let world = World::new(&json!([table]));
    serve_pear(&world);
    assert_eq!(served(&world).await, [200, 403, 200]);
    files.write("allowed.txt", "");
    world.clock.advance(SECOND);
    assert_eq!(served(&world).await, [403, 403, 200]);
    let alone = World::new(&json!([{ "match": "**", "allow_file": files.path("allowed.txt") }]));
    serve_pear(&alone);
    assert_eq!(served(&alone).await, [403, 403, 403], "an empty list allows nothing");
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_no_empty_list() {
    for (unreadable, while_wrong, reason) in
        [("refuse", [503; 3], "cannot read a list of versions"), ("last-known", [200, 403, 200], "")]
    {
        let files = Files::new();
        files.write("blocked.txt", "pear@1.1.0\n");
        let table = json!({
            "match": "**", "block_file": files.path("blocked.txt"), "unreadable_file": unreadable,
        });
        let world = World::new(&json!([table, { "match": "fig" }]));
        serve_pear(&world);
        assert_eq!(served(&world).await, [200, 403, 200]);
        for wrong in
            [None, Some("pear@1.1.0 a worm"), Some("pear@new\n"), Some("a b"), Some("\u{fffd}@1.0.0")]
        {
            match wrong {
                None => fs::remove_file(files.path("blocked.txt")).unwrap(),
                Some(text) => files.write("blocked.txt", text),
            }
            world.clock.advance(SECOND);
            assert_eq!(served(&world).await, while_wrong, "{unreadable} {wrong:?}");
            let answer = world.get("/pear").await;
            assert!(unreadable != "refuse" || answer.error().contains(reason), "{}", answer.text());
            assert!(!answer.text().contains("blocked.txt"), "paths are for operators");
            let measured = world.registry.measurements().policies;
            assert_eq!(measured.unreadable_files, 1);
            assert!(measured.failed_reads >= 1);
        }
        files.write("blocked.txt", "pear@2.0.0\n");
        world.clock.advance(SECOND);
        assert_eq!(served(&world).await, [200, 200, 403], "{unreadable}: once it is mended");
        assert_eq!(world.registry.measurements().policies.unreadable_files, 0);
    }
}

#[test]
fn a_file_that_is_wrong_from_the_beginning_is_a_mistake_of_the_settings() {
    let files = Files::new();
    let compile = |path: &str| {
        let table = json!([{ "match": "**", "block_file": path }]);
        let tables: Vec<PolicyTable> = serde_json::from_value(table).unwrap();
        PolicyRules::compile(&tables).map_err(|error| error.to_string())
    };
    let missing = compile(&files.path("missing.txt")).unwrap_err();
    assert!(
        missing.starts_with("policy 1: block_file = ") && missing.contains("cannot read it"),
        "{missing}"
    );
    files.write("wrong.txt", "\npear@1.0.0 worm\n");
    let wrong = compile(&files.path("wrong.txt")).unwrap_err();
    assert!(wrong.contains("line 2: ") && wrong.contains("two spaces or a tab"), "{wrong}");
}

/// To refuse too much is safe, and so is to allow too little.
#[tokio::test]
async fn a_range_blocks_the_prereleases_between_its_bounds_and_does_not_allow_them() {
    let old = |version| (version, Some("2025-11-01T00:00:00.000Z"), json!({}));
    let all = [old("1.0.0"), old("1.1.0-rc.1"), old("1.1.0"), old("2.0.0")];
    let files = Files::new();
    files.write("list.txt", "pear@>=1.0.0 <1.2.0\n");
    let file = files.path("list.txt");
    for (table, expected) in [
        (json!({ "match": "**", "block_file": file }), &["2.0.0"][..]),
        (json!({ "match": "**", "allow_file": file }), &["1.0.0", "1.1.0"]),
        (json!({ "match": "**", "block": ["pear@>=1.0.0 <1.2.0"] }), &["2.0.0"]),
        (json!({ "match": "**", "allow": ["pear@>=1.0.0 <1.2.0"] }), &["1.0.0", "1.1.0"]),
    ] {
        let world = World::new(&json!([table]));
        serve(&world.upstream, "pear", &all);
        assert_eq!(versions(&world.get("/pear").await), expected, "{table}");
    }
    let world = World::with(&json!([]), listed(UnreadableBlockList::Refuse));
    serve(&world.upstream, "pear", &all);
    world.block("pear", ">=1.0.0 <1.2.0").await;
    assert_eq!(versions(&world.get("/pear").await), ["2.0.0"], "by the list of administrators");
}
