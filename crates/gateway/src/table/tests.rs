//! Which route a request takes.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rialto_api::route::WeightSpec;
use rialto_http1::Field;
use rialto_telemetry::Telemetry;

use super::*;
use crate::upstream::Service;

/// A route that leads nowhere.
pub(crate) fn route(spec: RouteSpec) -> Arc<Route> {
    let plan = Plan::compile(&spec).unwrap();
    let service = Arc::new(Service::new(&plan.destination));
    Arc::new(Route {
        upstream: Arc::new(Upstream {
            number: 0,
            service,
            settings: rialto_balance::Settings::default(),
        }),
        meter: Telemetry::new().routes().meter(&spec.id),
        guard: Arc::new(Guard::new(&spec)),
        origin: Origin::Configuration,
        plan,
        spec,
    })
}

fn spec(id: &str, paths: &[&str]) -> RouteSpec {
    RouteSpec {
        id: id.to_owned(),
        uri: "lb://x".to_owned(),
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        ..RouteSpec::default()
    }
}

fn find(table: &Table, method: &str, host: &str, path: &str, lines: &[Field<'_>]) -> String {
    let mut kinds = rialto_http1::kinds();
    let fields = Fields::classify(lines, &mut kinds).unwrap();
    let sought = Sought { path, host, method, fields: &fields };
    let found = table.find(&sought, &mut SmallRng::seed_from_u64(7));
    found.map_or("-".to_owned(), |number| table.routes[number as usize].spec.id.clone())
}

#[test]
fn the_first_by_order_wins() {
    let routes = vec![
        route(spec("all", &["/**"])),
        route(RouteSpec { order: -1, ..spec("early", &["/a/**", "/b"]) }),
        route(RouteSpec { order: 5, ..spec("late", &["/a"]) }),
        route(RouteSpec { order: -9, enabled: Some(false), ..spec("off", &["/**"]) }),
    ];
    let table = Table::new(routes);
    for (path, expected) in [("/a/x", "early"), ("/b", "early"), ("/c", "all"), ("/a", "early")] {
        assert_eq!(find(&table, "GET", "h", path, &[]), expected, "{path}");
    }
}

#[test]
fn hosts_methods_and_headers() {
    let headers = BTreeMap::from([("X-Beta".to_owned(), "on|yes".to_owned())]);
    let present = BTreeMap::from([("x-any".to_owned(), ".*".to_owned())]);
    let table = Table::new(vec![
        route(RouteSpec { hosts: vec!["Shop.example".to_owned()], ..spec("shop", &["/a"]) }),
        route(RouteSpec { hosts: vec!["*.example".to_owned()], ..spec("below", &["/a"]) }),
        route(RouteSpec { methods: vec!["post".to_owned()], ..spec("post", &["/a"]) }),
        route(RouteSpec { headers, ..spec("beta", &[]) }),
        route(RouteSpec { headers: present, ..spec("any", &[]) }),
    ]);
    let line = |name, value: &'static str| [Field { name, value: value.as_bytes() }];
    assert_eq!(find(&table, "GET", "shop.EXAMPLE", "/a", &[]), "shop");
    assert_eq!(find(&table, "GET", "x.example", "/a", &[]), "below");
    assert_eq!(find(&table, "POST", "other", "/a", &[]), "post");
    assert_eq!(find(&table, "GET", "other", "/a", &[]), "-");
    assert_eq!(find(&table, "GET", "other", "/x", &line("x-beta", "yes")), "beta");
    assert_eq!(find(&table, "GET", "other", "/x", &line("x-beta", "yes!")), "-");
    assert_eq!(find(&table, "GET", "other", "/x", &line("X-Any", "")), "any");
}

#[test]
fn weights_share_a_group() {
    let weighted = |id: &str, weight: u32, enabled: bool| {
        let weight = Some(WeightSpec { group: "g".to_owned(), weight });
        route(RouteSpec { weight, enabled: Some(enabled), ..spec(id, &["/**"]) })
    };
    let table = Table::new(vec![
        weighted("a", 3, true),
        weighted("b", 1, true),
        weighted("c", 0, true),
        weighted("d", 100, false),
    ]);
    let fields = Fields::empty();
    let sought = Sought { path: "/", host: "", method: "GET", fields: &fields };
    let mut random = SmallRng::seed_from_u64(1);
    let mut counts = BTreeMap::new();
    for _ in 0..4_000 {
        let number = table.find(&sought, &mut random).expect("some member is always drawn");
        *counts.entry(table.routes[number as usize].spec.id.as_str()).or_insert(0) += 1;
    }
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), ["a", "b"]);
    assert!((2_850..3_150).contains(&counts["a"]), "{counts:?}");
}

#[test]
fn many_routes_are_found_without_a_scan() {
    let routes = (0..2_000).map(|at| route(spec(&format!("r{at}"), &[&format!("/api/{at}/**")])));
    let table = Table::new(routes.collect());
    assert_eq!(find(&table, "GET", "h", "/api/1234/x", &[]), "r1234");
    assert_eq!(find(&table, "GET", "h", "/api/2000/x", &[]), "-");
}
