//! Tests of addresses.

use super::*;

#[test]
fn addresses_lead_to_what_they_were_made_from() {
    let key = ServiceKey::new("team a", "g/1", "订单%2F").unwrap();
    assert_eq!(Target::parse(&service_href(&key)), Some(Target::Service(key)));
    let id = "a/b?c#d";
    assert_eq!(Target::parse(&route_href(id)), Some(Target::Route(id.to_owned())));
    assert_eq!(Target::parse("/"), Some(Target::Overview));
}

#[test]
fn what_is_no_address_of_ours_is_none() {
    for path in [
        "",
        "services",
        "/services/",
        "/services/a/b",
        "/services/a/b/",
        "/gateway/x",
        "/services/a/b/%ff",
        "/services/a/b/%00",
        "/gateway/routes/a/remove",
        "//",
        "/../etc",
    ] {
        assert_eq!(Target::parse(path), None, "{path}");
    }
}
