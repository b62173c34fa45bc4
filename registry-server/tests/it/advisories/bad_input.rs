use std::io::Write as _;

use zip::write::SimpleFileOptions;

use super::*;

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Lets the directory of an archive with one file claim another size for it.
fn claiming(mut archive: Vec<u8>, size: u32) -> Vec<u8> {
    let entry = archive.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    archive[entry + 24..entry + 28].copy_from_slice(&size.to_le_bytes());
    archive
}

#[test]
fn bad_input_is_refused_with_a_reason_and_leaves_nothing_behind() {
    let place = Place::new();
    let good = advisory("GHSA-1", "pear").to_string();
    let foreign = good.replace("\"npm\"", "\"PyPI\"");
    let padded = format!("{good}{}", " ".repeat(15 << 20));
    let padded = padded.as_bytes();
    let too_large = format!("{{\"id\":\"{}\"}}", "a".repeat(17 << 20));
    let outside = zipped(&[("1.json", good.as_bytes()), ("../../etc/2.json", good.as_bytes())]);
    let absolute = zipped(&[("/etc/1.json", good.as_bytes())]);
    let bomb: Vec<_> = ["1", "2", "3", "4", "5", "6"].map(|name| format!("{name}.json")).to_vec();
    let bomb: Vec<_> = bomb.iter().map(|name| (name.as_str(), padded)).collect();
    let cut = zipped(&[("1.json", good.as_bytes())]);
    for (name, bytes, said) in [
        ("empty.json", Vec::new(), "it is empty"),
        ("cut.json", good.as_bytes()[..40].to_vec(), "not JSON"),
        ("no.json", b"swordfish".to_vec(), "not JSON"),
        ("list.json", format!("[{good},7]").into_bytes(), "OSV's format"),
        ("more.json", format!("[{good}]{good}").into_bytes(), "something follows"),
        ("none.json", b"[]".to_vec(), "holds no advisory"),
        ("fields.json", b"{\"id\":7}".to_vec(), "OSV's format"),
        (
            "foreign.json",
            foreign.clone().into_bytes(),
            "packages of PyPI: give the advisories of the ecosystem npm",
        ),
        (
            "foreign.zip",
            zipped(&[("1.json", good.as_bytes()), ("2.json", foreign.as_bytes())]),
            "2.json in it",
        ),
        ("large.json", too_large.clone().into_bytes(), "larger than 16 MiB"),
        ("large.zip", zipped(&[("1.json", too_large.as_bytes())]), "more than 16 MiB"),
        ("bomb.zip", zipped(&bomb), "it inflates to more than 100 times its size"),
        (
            "claim.zip",
            claiming(zipped(&[("1.json", good.as_bytes())]), u32::MAX - 1),
            "claims 4294967294 bytes",
        ),
        ("lie.zip", claiming(zipped(&[("1.json", too_large.as_bytes())]), 100), "1.json in it"),
        ("outside.zip", outside, "a path that leads out of it: ../../etc/2.json"),
        ("cut.zip", cut[..cut.len() - 10].to_vec(), "no zip archive that can be read"),
        ("empty.zip", zipped(&[("README.md", b"")]), "holds no advisory"),
    ] {
        let before = place.stored();
        let refused = stderr(&place.update(&place.file(name, &bytes)));
        assert!(refused.contains(said), "{name}: {refused}");
        assert!(refused.contains("nothing was changed"), "{name}: {refused}");
        assert!(place.stored() == before, "{name} left something");
    }
    // The path is not one to write to; that it is absolute changes nothing.
    let _ = place.update(&place.file("absolute.zip", &absolute));
    assert!(!Path::new("/etc/1.json").exists());

    let sparse = place.files.path().join("sparse.json");
    fs::File::create(&sparse).unwrap().set_len(10 << 30).unwrap();
    assert!(stderr(&place.update(&sparse)).contains("it is larger than 4 GiB"));
    let missing = stderr(&place.advisories(&["update", "/no/such/file"]));
    assert!(missing.contains("cannot open /no/such/file"), "{missing}");
    let nowhere = stderr(&place.advisories(&["update", "http://127.0.0.1:1/all.zip"]));
    assert!(nowhere.contains("the server did not answer"), "{nowhere}");
}

#[test]
fn what_was_changed_in_the_storage_is_refused_until_it_is_begun_anew() {
    let place = Place::new();
    let good = place.file("good.json", advisory("GHSA-1", "pear").to_string().as_bytes());
    let _ = stdout(&place.update(&good));
    let record = place.storage.path().join("objects/_advisories/record.json");
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replacen("GHSA", "GHSB", 1).replacen("good.json", "evil.json", 1)).unwrap();
    for arguments in [&["status"][..], &["list"], &["update", good.to_str().unwrap()]] {
        let refused = stderr(&place.advisories(arguments));
        assert!(refused.contains("no key of this registry signed the record"), "{arguments:?}: {refused}");
    }
    let _ = stdout(&place.advisories(&["update", good.to_str().unwrap(), "--begin-anew"]));
    assert!(stdout(&place.advisories(&["status"])).starts_with("1 advisory for 1 package"));
}
