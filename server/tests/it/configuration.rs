//! `rialto config`, completions and manual pages.

use std::fs;

use crate::harness::{ended, folder, rialto, run};

/// The documentation lists every setting; the binary knows them.
const DOCUMENTATION: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations/configuration.md");

#[test]
fn explain_says_value_source_and_meaning() {
    let folder = folder();
    let file = folder.path().join("rialto.toml");
    fs::write(&file, "[log]\nlevel = 'debug'\n[[routes]]\nid='a'\nuri='lb://a'\n").unwrap();
    let mut command = rialto(folder.path());
    let explained = ended(
        command
            .args(["config", "explain", "--set", "api.listen=off", "--data"])
            .arg(folder.path())
            .env("RIALTO_EUREKA_LISTEN", "127.0.0.1:1")
            .env("RIALTO_ADMIN_PASSWORD", "correct horse"),
    );
    assert_eq!(explained.code, Some(0), "{explained:?}");
    let path = folder.path().display();
    let expected = [
        format!("data = {path}\n    from flag --data {path}; RIALTO_DATA or --set\n"),
        "ready_file = (none)\n    from default; RIALTO_READY_FILE or --set\n".to_owned(),
        concat!(
            "admin.password = (hidden)\n",
            "    from variable RIALTO_ADMIN_PASSWORD; RIALTO_ADMIN_PASSWORD\n"
        )
        .to_owned(),
        format!("log.level = debug\n    from {path}/rialto.toml:2:9; RIALTO_LOG_LEVEL or --set\n"),
        "eureka.listen = 127.0.0.1:1\n    from variable RIALTO_EUREKA_LISTEN".to_owned(),
        "gateway.listen = 127.0.0.1:8080\n    from default".to_owned(),
        "api.listen = off\n    from flag --set api.listen".to_owned(),
        format!("    a: every path -> lb://a\n        from {path}/rialto.toml:3:1\n"),
    ];
    for part in expected {
        assert!(explained.out.contains(&part), "{part:?} in {}", explained.out);
    }
    assert!(!explained.out.contains("correct horse"));
}

#[test]
fn explain_speaks_json_and_knows_what_is_documented() {
    let folder = folder();
    let explained = run(folder.path(), &["config", "explain", "--json"]).json();
    let documentation = fs::read_to_string(DOCUMENTATION).unwrap();
    for setting in explained["settings"].as_array().unwrap() {
        let key = setting["key"].as_str().unwrap();
        assert!(documentation.contains(&format!("| `{key}` |")), "{key} is not documented");
        assert_eq!(setting["source"], "default", "{setting}");
    }
}

#[test]
fn check_reads_a_file_without_starting_anything() {
    let folder = folder();
    let good = folder.path().join("good.toml");
    fs::write(&good, "[[routes]]\nid='a'\nuri='lb://a'\n").unwrap();
    let checked = run(folder.path(), &["config", "check", good.to_str().unwrap()]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.out.contains("is valid; 1 route\n"), "{checked:?}");
    let bad = folder.path().join("bad.toml");
    fs::write(&bad, "[api]\nlisten = 1\nx = 2\n").unwrap();
    let checked = run(folder.path(), &["config", "check", bad.to_str().unwrap()]);
    assert_eq!(checked.code, Some(3), "{checked:?}");
    assert_eq!(checked.err.lines().count(), 2, "both problems: {checked:?}");
}

#[test]
fn completions_and_manual_pages_come_from_the_definitions() {
    let folder = folder();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(folder.path(), &["completions", shell]);
        assert_eq!(script.code, Some(0));
        assert!(script.out.contains("overview"), "{shell}");
        assert!(!script.out.contains("demo-service"), "{shell}: hidden");
    }
    let page = run(folder.path(), &["man", "ctl", "routes"]);
    assert!(page.out.contains(".TH") && page.out.contains("remove"), "{page:?}");
    assert_eq!(run(folder.path(), &["man", "nonsense"]).code, Some(2));
    let pages = folder.path().join("man");
    run(folder.path(), &["man", "--dir", pages.to_str().unwrap()]);
    assert!(pages.join("rialto-ctl-routes-add.1").exists());
    assert!(!pages.join("rialto-demo-service.1").exists());
}

#[test]
fn help_names_the_exit_codes_and_version_the_version() {
    let folder = folder();
    let help = run(folder.path(), &["--help"]);
    assert!(help.out.contains("Exit codes:") && help.out.contains("port in use"), "{help:?}");
    assert!(!help.out.contains("demo-service"), "{help:?}");
    let version = run(folder.path(), &["--version"]).out;
    assert_eq!(version, format!("rialto {}\n", env!("CARGO_PKG_VERSION")));
}
