//! Layers over one another, refusals with their places and nearest names, and the fuzz corpus.

use proptest::prelude::*;

use super::*;

fn file(text: &str) -> Result<Resolved, Problems> {
    resolve("/data", vec![Layer::file("rialto.toml", text)])
}

fn refusal(text: &str) -> String {
    file(text).unwrap_err().to_string()
}

fn sets(sets: &[&str]) -> Layer {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    Layer::flags(&sets, &[], &[])
}

fn environment(variables: &[(&str, &str)]) -> Layer {
    Layer::environment(variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
}

#[test]
fn defaults_listen_on_loopback_alone() {
    let config = resolve("/data", vec![]).unwrap().config;
    assert_eq!(config.data, PathBuf::from("/data"));
    for (listen, port) in
        [(config.eureka.listen, 8761), (config.gateway.listen, 8080), (config.api.listen, 7000)]
    {
        let address = listen.address().unwrap();
        assert!(address.ip().is_loopback());
        assert_eq!(address.port(), port);
    }
}

#[test]
fn defaults_are_those_of_the_parts() {
    let config = resolve("/data", vec![]).unwrap().config;
    assert_eq!(config.gateway.limits, Limits::default());
    let exact = rialto_catalog::ExactPolicy::default();
    assert_eq!(config.catalog.protection, exact.protection);
    assert_eq!(config.catalog.protection_max_ms, exact.protection_max.0);
}

#[test]
fn later_layers_win_and_say_where() {
    let layers = vec![
        Layer::file("rialto.toml", "[eureka]\nlisten = '127.0.0.1:1'\n[log]\nlevel = 'debug'\n"),
        environment(&[("RIALTO_EUREKA_LISTEN", "127.0.0.1:2"), ("RIALTO_API_LISTEN", "off")]),
        sets(&["eureka.listen=localhost:3"]),
    ];
    let resolved = resolve("/data", layers).unwrap();
    assert_eq!(resolved.config.eureka.listen.to_string(), "127.0.0.1:3");
    assert_eq!(resolved.config.api.listen, Listen::Off);
    let place = |key| {
        let placed = resolved.values.iter().find(|placed| placed.setting.key == key).unwrap();
        placed.place.to_string()
    };
    assert_eq!(place("eureka.listen"), "flag --set eureka.listen");
    assert_eq!(place("api.listen"), "variable RIALTO_API_LISTEN");
    assert_eq!(place("log.level"), "rialto.toml:4:9");
    assert_eq!(place("log.format"), "default");
}

#[test]
fn unknown_keys_name_the_nearest_and_the_place() {
    for (text, expected) in [
        (
            "[eureka]\nlisen = 'off'",
            "rialto.toml:2:1: unknown setting \"eureka.lisen\"; did you mean \"eureka.listen\"?",
        ),
        ("[eurka]\nlisten = 'off'", "rialto.toml:1:2: unknown setting \"eurka\"; did you mean"),
        ("route = 1", "did you mean \"routes\"?"),
        ("zookeeper = true", "`rialto config explain` lists them all"),
    ] {
        let message = refusal(text);
        assert!(message.contains(expected), "{message}");
    }
    let message = resolve("/d", vec![sets(&["gatway.listen=off"])]).unwrap_err().to_string();
    assert_eq!(
        message,
        "flag --set gatway.listen: unknown setting \"gatway.listen\"; did you mean \
         \"gateway.listen\"?"
    );
    let layer = environment(&[("RIALTO_EUREKA_LISTN", "off"), ("HOME", "/")]);
    let message = resolve("/d", vec![layer]).unwrap_err().to_string();
    assert_eq!(
        message,
        "variable RIALTO_EUREKA_LISTN: unknown setting; did you mean \"RIALTO_EUREKA_LISTEN\"?"
    );
}

#[test]
fn variables_of_others_are_left_alone() {
    let layer = environment(&[
        ("RIALTO_SERVER", "http://127.0.0.1:7000"),
        ("RIALTO_TOKEN_FILE", "/t"),
        ("RIALTO_PORT_8761_TCP_ADDR", "10.0.0.1"),
        ("RIALTO_SERVICE_HOST", "10.0.0.1"),
    ]);
    assert_eq!(layer, Layer::default());
}

#[test]
fn wrong_values_say_what_is_expected() {
    for (text, expected) in [
        (
            "[eureka]\nlisten = 8761",
            "rialto.toml:2:10: eureka.listen is the number 8761; expected an address and port \
             like \"127.0.0.1:8080\", or \"off\"",
        ),
        ("stop.drain_ms = '5'", "stop.drain_ms is \"5\"; expected a whole number from 0 to 600000"),
        ("stop.drain_ms = -1", "a number out of range"),
        ("stop.drain_ms = 600001", "the number 600001"),
        ("log.format = 'xml'", "expected one of \"human\", \"json\""),
        ("log = 'debug'", "expected a group of settings like [log]"),
        ("routes = 1", "expected a list of tables, each begun by [[routes]]"),
        ("eureka = [", "this is not TOML"),
        ("data = 2000-01-01", "data is of type datetime"),
        ("gateway.trusted_proxies = '10.0.0.0/33'", "expected networks like"),
    ] {
        let message = refusal(text);
        assert!(message.contains(expected), "{message}");
    }
    let message = resolve("/d", vec![sets(&["log.level"])]).unwrap_err().to_string();
    assert!(message.contains("expected KEY=VALUE"), "{message}");
}

#[test]
fn all_problems_are_reported_up_to_a_limit() {
    let text: String = (0..limits::PROBLEMS_MAX + 3).map(|i| format!("x{i} = 1\n")).collect();
    let message = refusal(&text);
    assert_eq!(message.lines().count(), limits::PROBLEMS_MAX + 1);
    assert!(message.ends_with("… and 3 more"));
}

#[test]
fn beyond_loopback_the_eureka_door_asks_for_a_decision() {
    let at = |auth: &str| {
        let auth = format!("eureka.auth={auth}");
        resolve("/d", vec![sets(&["eureka.listen=0.0.0.0:8761", &auth])])
    };
    let message = at("loopback").unwrap_err().to_string();
    assert!(message.contains("--set eureka.auth=required"), "{message}");
    assert_eq!(at("required").unwrap().config.eureka.access, Access::SignedIn);
    assert_eq!(at("none").unwrap().config.eureka.access, Access::Open);
}

#[test]
fn doors_do_not_share_an_address_and_one_is_open() {
    let same = resolve("/d", vec![sets(&["api.listen=127.0.0.1:8080"])]).unwrap_err();
    assert!(same.to_string().contains("api.listen and gateway.listen are both 127.0.0.1:8080"));
    let any = sets(&["api.listen=127.0.0.1:0", "gateway.listen=127.0.0.1:0"]);
    assert!(resolve("/d", vec![any]).is_ok(), "port 0 is another port each time");
    let every = ["api.listen=off", "gateway.listen=off", "eureka.listen=off", "nacos.listen=off"];
    let none = sets(&every);
    assert!(resolve("/d", vec![none]).unwrap_err().to_string().contains("every door is off"));
}

#[test]
fn secrets_are_neither_shown_nor_taken_from_the_command_line() {
    let layer = environment(&[("RIALTO_ADMIN_PASSWORD", "correct horse")]);
    let resolved = resolve("/d", vec![layer]).unwrap();
    let shown = format!("{resolved:?}{}{}", to_text(&resolved), to_json(&resolved));
    assert!(!shown.contains("correct horse"));
    assert_eq!(resolved.config.admin_password.unwrap().reveal(), "correct horse");
    let message = resolve("/d", vec![sets(&["admin.password=hunter2"])]).unwrap_err().to_string();
    assert!(message.contains("RIALTO_ADMIN_PASSWORD") && !message.contains("hunter2"), "{message}");
}

const ROUTES: &str = r#"
[[routes]]
id = "shop"
uri = "lb://storefront"
paths = ["/shop/**"]
filters = [{ name = "StripPrefix", parts = 1 }]
rate_limit = { per_second = 100 }

[[routes]]
uri = "http://127.0.0.1:9000"
paths = ["/old/**"]
"#;

#[test]
fn routes_are_read_named_and_replaced_by_later_layers() {
    let flags = Layer::flags(
        &[],
        &["/shop/**=lb://other".to_owned(), "/a/x=lb://a".to_owned(), "/a/y=lb://a".to_owned()],
        &[],
    );
    let layers = vec![Layer::file("rialto.toml", ROUTES), flags];
    let routes = resolve("/d", layers).unwrap().config.routes;
    let found: Vec<_> = routes.iter().map(|r| (r.id.as_str(), r.uri.as_str())).collect();
    assert_eq!(
        found,
        [
            ("old", "http://127.0.0.1:9000"),
            ("shop", "lb://other"),
            ("a", "lb://a"),
            ("a-2", "lb://a"),
        ]
    );
}

#[test]
fn bad_routes_say_where_and_what() {
    for (text, expected) in [
        ("[[routes]]\npath = ['/x']", "unknown field `path`; did you mean `paths`?"),
        ("[[routes]]\nid = 'a'\npaths = '/x'", "rialto.toml:3:9"),
        ("[[routes]]\nuri = 'lb://a'", "needs an id"),
        ("[[routes]]\nid = 'a'", "needs a uri"),
        (
            "[[routes]]\nid='a'\nuri='lb://a'\n[[routes]]\nid='a'\nuri='lb://b'",
            "route \"a\" exists already, at rialto.toml:1:1",
        ),
    ] {
        let message = refusal(text);
        assert!(message.contains(expected), "{message}");
    }
    let layer = Layer::flags(&[], &["shop".to_owned()], &[]);
    let message = resolve("/d", vec![layer]).unwrap_err().to_string();
    assert!(message.starts_with("flag --route 'shop': ") && message.contains("PATH=URI"));
}

#[test]
fn limits_hold() {
    let message = refusal(&" ".repeat(FILE_MAX_BYTES + 1));
    assert!(message.contains("too large"), "{message}");
    let message = refusal(&format!("data = '{}'", "x".repeat(TEXT_MAX_BYTES + 1)));
    assert!(message.contains("at most 4096"), "{message}");
    let routes: Vec<String> = (0..=ROUTES_MAX).map(|i| format!("/r{i}/**=lb://a")).collect();
    let message = resolve("/d", vec![Layer::flags(&[], &routes, &[])]).unwrap_err().to_string();
    assert!(message.contains("10001 routes, at most 10000"), "{message}");
}

/// Every stored input, and a bounded number of changed copies of each, the same in every run.
#[test]
fn corpus_and_its_mutations_never_panic() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/config");
    let mut seeds: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect();
    seeds.sort();
    assert!(seeds.len() >= 5, "the corpus is there");
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    for seed in &seeds {
        fuzz(seed);
        for _ in 0..200 {
            let mut bytes = seed.clone();
            for _ in 0..3 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let (at, byte) = ((state >> 33) as usize % bytes.len(), (state >> 24) as u8);
                match byte % 3 {
                    0 => bytes[at] = byte,
                    1 => bytes.insert(at, byte),
                    _ if bytes.len() > 1 => drop(bytes.remove(at)),
                    _ => {}
                }
            }
            fuzz(&bytes);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(data in prop::collection::vec(any::<u8>(), 0..400)) {
        fuzz(&data);
    }

    #[test]
    fn any_file_of_known_keys_is_decoded_or_refused(
        lines in prop::collection::vec(
            (prop::sample::select(SETTINGS), "[a-z0-9:.'\"\\[\\]{}=-]{0,20}"), 0..8),
    ) {
        let text: String =
            lines.iter().map(|(setting, value)| format!("{} = {value}\n", setting.key)).collect();
        fuzz(format!("0{text}").as_bytes());
    }

    #[test]
    fn valid_numbers_survive_every_source(number in 0u64..=600_000) {
        let value = number.to_string();
        for layer in [
            Layer::file("f", &format!("stop.drain_ms = {number}")),
            environment(&[("RIALTO_STOP_DRAIN_MS", &value)]),
            sets(&[&format!("stop.drain_ms={number}")]),
        ] {
            let config = resolve("/d", vec![layer]).unwrap().config;
            prop_assert_eq!(config.drain, Duration::from_millis(number));
        }
    }
}
