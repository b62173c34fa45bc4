use serde_json::json;

use super::{Front, advisory};

#[tokio::test]
async fn a_report_tells_where_in_the_tree_the_packages_are() {
    let front = Front::start();
    let known = json!({
        "pear": [advisory(1, "<1.0.1"), advisory(2, ">=2.0.0 <2.1.0 || =3.0.0"), advisory(3, ">9.0.0")],
        "kiwi": [advisory(1, "*")],
        "plum": [{ "title": "without anything else" }, 7],
    });
    front.npm.tell("advisories", &known.to_string());
    let tree = json!({
        "name": "@ours/app",
        "version": "1.0.0",
        "requires": { "pear": "^1.0.0", "@ours/web": "1.0.0", "alias": "npm:kiwi@1" },
        "dependencies": {
            "pear": { "version": "1.0.0", "requires": { "seed": "^1.0.0" } },
            "@ours/web": {
                "version": "1.0.0",
                "dependencies": {
                    "pear": { "version": "2.0.0", "dev": true, "optional": true },
                    "plum": { "version": "1.0.0", "dependencies": { "pear": { "version": "1.0.0", "dev": true } } },
                },
            },
            "alias": { "version": "npm:kiwi@1.2.3", "bundled": true },
            "linked": { "version": "file:../linked" },
            "nothing": {},
        },
        "metadata": { "npm_version": "10.9.0" },
    });
    let (status, body) = front.post("/-/npm/v1/security/audits/quick", &tree).await;
    assert_eq!(status, 200);
    insta::assert_json_snapshot!(body);
    let question = r#"advisories {"pear":["1.0.0","2.0.0"],"plum":["1.0.0"],"kiwi":["1.2.3"]}"#;
    assert_eq!(front.take_asked()[0], [question]);
    let (_, full) = front.post("/-/npm/v1/security/audits", &tree).await;
    assert_eq!(full, body);
}
