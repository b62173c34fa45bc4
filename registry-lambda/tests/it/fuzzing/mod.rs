//! What fuzzers found worth keeping, and mutations of it: the fuzzer's short run, on any compiler.

mod any_event;

use std::path::Path;

use registry_testkit::fuzzing::replay;

#[test]
fn events() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../registry-core/fuzz/corpus/event");
    let tried = replay(&folder, 1, 5000, any_event::event);
    assert!(tried.files >= 10, "{tried:?}");
}
