//! One more than is allowed, for every limit.

use rialto_configuration::limits::{
    APP_NAME_CHARS_MAX, BETA_IPS_MAX, CONFIG_TAG_CHARS_MAX, CONFIG_TAGS_MAX, CONTENT_BYTES_MAX,
    DESC_CHARS_MAX, EFFECT_CHARS_MAX, ENCRYPTED_DATA_KEY_BYTES_MAX, GRAYS_MAX, IP_CHARS_MAX,
    MANY_MAX, SCHEMA_CHARS_MAX, TAG_CHARS_MAX, USE_CHARS_MAX, USER_CHARS_MAX,
};
use rialto_configuration::{Command, Publish, Refused, Target};

use crate::support::{Rig, beta, key, origin, publish, tagged};

/// Fields are refused one character beyond their limit, and taken at it.
fn check(max: usize, what: &str, set: impl Fn(&mut Publish, String)) {
    let mut rig = Rig::new();
    let mut publish = publish("a", "x");
    set(&mut publish, "é".repeat(max));
    rig.publish(publish.clone()).unwrap_or_else(|error| panic!("{what}: {error}"));
    set(&mut publish, "é".repeat(max + 1));
    match rig.publish(publish) {
        Err(Refused::TooLong { what: said, max: allowed }) => {
            assert_eq!((said, allowed), (what, max));
        }
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn every_text_has_a_limit() {
    check(APP_NAME_CHARS_MAX, "appName", |one, text| one.meta.app_name = Some(text));
    check(DESC_CHARS_MAX, "desc", |one, text| one.meta.desc = Some(text));
    check(USE_CHARS_MAX, "use", |one, text| one.meta.used_for = Some(text));
    check(EFFECT_CHARS_MAX, "effect", |one, text| one.meta.effect = Some(text));
    check(SCHEMA_CHARS_MAX, "schema", |one, text| one.meta.schema = Some(text));
    check(CONFIG_TAG_CHARS_MAX, "config_tags", |one, text| {
        one.meta.tags = Some(format!("a,{text},b"));
    });
    check(USER_CHARS_MAX, "src_user", |one, text| one.origin.user = text);
    check(IP_CHARS_MAX, "src_ip", |one, text| one.origin.ip = text);
}

#[test]
fn contents_have_a_size_and_are_not_blank() {
    let mut rig = Rig::new();
    let largest = "x".repeat(CONTENT_BYTES_MAX);
    assert!(rig.publish(publish("a", &largest)).is_ok());
    let larger = rig.publish(publish("a", &format!("{largest}x")));
    assert_eq!(larger, Err(Refused::TooLong { what: "content", max: CONTENT_BYTES_MAX }));
    for blank in ["", " ", "\n\t"] {
        let refused = rig.publish(publish("a", blank));
        assert_eq!(refused, Err(Refused::Missing { what: "content" }));
    }
    let mut sealed = publish("a", "x");
    sealed.encrypted_data_key = "k".repeat(ENCRYPTED_DATA_KEY_BYTES_MAX + 1);
    assert!(matches!(rig.publish(sealed), Err(Refused::TooLong { .. })));
}

#[test]
fn lists_have_a_length() {
    let mut rig = Rig::new();
    let mut many = publish("a", "x");
    many.meta.tags = Some(["t"; CONFIG_TAGS_MAX].join(","));
    assert!(rig.publish(many.clone()).is_ok());
    many.meta.tags = Some(["t"; CONFIG_TAGS_MAX + 1].join(","));
    assert!(matches!(rig.publish(many), Err(Refused::TooMany { .. })));
    let ips = vec!["10.0.0.1"; BETA_IPS_MAX].join(",");
    assert!(rig.publish(beta("a", "x", &ips)).is_ok());
    let more = rig.publish(beta("a", "x", &format!("{ips},10.0.0.1")));
    assert_eq!(more, Err(Refused::TooMany { what: "betaIps", max: BETA_IPS_MAX }));
    let keys = vec![key("a"); MANY_MAX + 1];
    let removed = rig.run(Command::RemoveMany { keys, origin: origin() });
    assert!(matches!(removed, Err(Refused::TooMany { .. })));
}

#[test]
fn targets_are_addresses_and_short_tags() {
    let mut rig = Rig::new();
    for ips in ["", " ", "10.0.0.1,,10.0.0.2", "10.0.0.1,nonsense", "<script>", &"1".repeat(65)] {
        assert!(rig.publish(beta("a", "x", ips)).is_err(), "{ips}");
    }
    assert!(rig.publish(beta("a", "x", "fe80::1, 10.0.0.1")).is_ok());
    let longest = "t".repeat(TAG_CHARS_MAX);
    assert!(rig.publish(tagged("a", "x", &longest)).is_ok());
    for tag in ["", " ", "a b", "a,b", &format!("{longest}t")] {
        assert!(rig.publish(tagged("a", "x", tag)).is_err(), "{tag}");
    }
}

#[test]
fn a_configuration_has_at_most_ten_gray_versions() {
    let mut rig = Rig::new();
    rig.publish(publish("a", "x")).unwrap();
    for number in 0..GRAYS_MAX {
        rig.publish(tagged("a", "x", &format!("t{number}"))).unwrap();
    }
    let refused = Err(Refused::GraysTooMany { max: GRAYS_MAX });
    assert_eq!(rig.publish(tagged("a", "x", "more")), refused);
    assert_eq!(rig.publish(beta("a", "x", "10.0.0.1")), refused);
    assert!(rig.publish(tagged("a", "y", "t3")).is_ok(), "one that is there may change");
    let target = Target::Tag("t3".to_owned());
    rig.run(crate::support::remove("a", target)).unwrap();
    assert!(rig.publish(beta("a", "x", "10.0.0.1")).is_ok());
}
