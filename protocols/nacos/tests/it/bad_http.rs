//! What is wrong with a call over HTTP is said in Nacos's own words and codes, whatever it is.

use crate::client::{call, form};
use crate::server::Server;

const FORM: [(&str, &str); 1] = [("Content-Type", "application/x-www-form-urlencoded")];

struct Bad {
    method: &'static str,
    path: &'static str,
    parameters: Vec<(&'static str, String)>,
    status: u16,
    says: &'static str,
}

fn bad(
    method: &'static str,
    path: &'static str,
    parameters: &[(&'static str, &str)],
    status: u16,
    says: &'static str,
) -> Bad {
    let parameters = parameters.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Bad { method, path, parameters, status, says }
}

fn check(server: &Server, cases: &[Bad]) {
    let mut wrong = Vec::new();
    for Bad { method, path, parameters, status, says } in cases {
        let parameters_written = form(parameters);
        let answer = match *method {
            "GET" | "DELETE" => {
                let path = format!("{path}?{parameters_written}");
                call(server.address, method, &path, &[], None)
            }
            _ => call(server.address, method, path, &FORM, Some(parameters_written.as_bytes())),
        };
        let answer = answer.expect("an answer");
        let text = answer.text();
        if answer.status != *status || !text.contains(says) {
            let shown: String = parameters_written.chars().take(100).collect();
            wrong.push(format!("{method} {path} {shown}: {} {text:.300}", answer.status));
        }
    }
    assert!(wrong.is_empty(), "{} answers differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// A value as long as a limit and one more.
fn long(most: usize) -> String {
    "a".repeat(most + 1)
}

#[test]
fn every_parameter_of_an_instance_is_checked_in_every_generation() {
    let server = Server::start();
    let whole: [(&str, &str); 3] = [("serviceName", "g"), ("ip", "10.0.0.1"), ("port", "1")];
    let without = |name: &str| -> Vec<(&'static str, &str)> {
        whole.iter().copied().filter(|(it, _)| *it != name).collect()
    };
    let with = |name: &'static str, value: &str| -> Vec<(&'static str, String)> {
        let rest = without(name).into_iter().map(|(name, value)| (name, value.to_owned()));
        rest.chain([(name, value.to_owned())]).collect()
    };
    let mut cases = Vec::new();
    for (path, missing) in [
        ("/nacos/v1/ns/instance", "caused: Param '"),
        ("/nacos/v2/ns/instance", r#"{"code":10000,"message":"parameter missing""#),
        ("/nacos/v3/client/ns/instance", r#"{"code":10000,"message":"parameter missing""#),
        ("/nacos/v3/admin/ns/instance", r#"{"code":10000,"message":"parameter missing""#),
    ] {
        for name in ["serviceName", "ip", "port"] {
            cases.push(bad("POST", path, &without(name), 400, missing));
            let parameters = with(name, "");
            cases.push(Bad { method: "POST", path, parameters, status: 400, says: missing });
        }
        for (name, value, says) in [
            ("port", "x".to_owned(), "the value should be between 0 and 65535"),
            ("port", "65536".to_owned(), "the value should be between 0 and 65535"),
            ("ip", "a b".to_owned(), "Param 'ip' is illegal, illegal characters"),
            ("ip", long(128), "Param 'ip' is illegal, the param length should not exceed 128"),
            ("serviceName", long(512), "the param length should not exceed 512"),
            ("serviceName", "@a".to_owned(), "Param 'serviceName' is illegal"),
            ("groupName", long(128), "the param length should not exceed 128"),
            ("namespaceId", long(64), "the param length should not exceed 64"),
            ("clusterName", long(64), "the param length should not exceed 64"),
            ("clusterName", "a/b".to_owned(), "Param 'cluster' is illegal"),
        ] {
            let parameters = with(name, &value);
            cases.push(Bad { method: "POST", path, parameters, status: 400, says });
        }
    }
    for (name, value, v1, later) in [
        ("weight", "x", 400, 400),
        ("weight", "-1", 500, 400),
        ("weight", "NaN", 500, 400),
        ("weight", "10000.1", 500, 400),
        ("metadata", "{", 500, 400),
        ("metadata", "a", 500, 400),
        ("metadata", r#"{"a":{}}"#, 500, 400),
    ] {
        let parameters = || with(name, value);
        let (path, later_path) = ("/nacos/v1/ns/instance", "/nacos/v2/ns/instance");
        cases.push(Bad { method: "POST", path, parameters: parameters(), status: v1, says: "" });
        let (path, parameters) = (later_path, parameters());
        let says = r#"{"code":2"#;
        cases.push(Bad { method: "POST", path, parameters, status: later, says });
    }
    check(&server, &cases);
    assert_eq!(
        server.get("/nacos/v1/ns/service/names").json()["count"],
        0,
        "nothing was registered"
    );
}

#[test]
fn every_parameter_of_a_configuration_is_checked_in_every_generation() {
    let server = Server::start();
    let mut cases = Vec::new();
    for (path, group, missing, status) in [
        ("/nacos/v1/cs/configs", "group", "caused: Required request parameter &#39;", 500),
        ("/nacos/v2/cs/config", "group", r#"{"code":10000,"#, 400),
        ("/nacos/v3/admin/cs/config", "groupName", r#"{"code":10000,"#, 400),
    ] {
        let whole = [("dataId", "d"), (group, "G"), ("content", "x")];
        for left_out in 0..3 {
            let kept: Vec<_> = whole
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != left_out)
                .map(|(_, it)| *it)
                .collect();
            cases.push(bad("POST", path, &kept, status, missing));
        }
        let blank = [("dataId", "d"), (group, "G"), ("content", " ")];
        let blank_status = if path.contains("v1") { 500 } else { 400 };
        cases.push(bad("POST", path, &blank, blank_status, "invalid content"));
        for (name, value, says) in [
            ("dataId", "a b/c".to_owned(), "Param 'dataId' is illegal, illegal characters"),
            ("dataId", "a/../b".to_owned(), "Param 'dataId' is illegal, illegal characters"),
            ("dataId", long(256), "the param length should not exceed 256"),
            (group, "a+b".to_owned(), "Param 'group' is illegal, illegal characters"),
            (group, long(128), "the param length should not exceed 128"),
            ("namespaceId", "a b".to_owned(), "Param 'namespaceId/tenant' is illegal"),
        ] {
            let rest = whole.iter().filter(|(it, _)| *it != name);
            let rest = rest.map(|(name, value)| (*name, (*value).to_owned()));
            let parameters = rest.chain([(name, value)]).collect();
            cases.push(Bad { method: "POST", path, parameters, status: 400, says });
        }
        for (name, most) in [("tag", 16), ("desc", 128), ("type", 32)] {
            let value = long(most);
            let rest = whole.iter().map(|(name, value)| (*name, (*value).to_owned()));
            let parameters = rest.chain([(name, value)]).collect();
            let status = if path.contains("v1") { 500 } else { 400 };
            cases.push(Bad { method: "POST", path, parameters, status, says: "" });
        }
    }
    check(&server, &cases);
    let found =
        server.get("/nacos/v3/admin/cs/config/list?pageNo=1&pageSize=10&dataId=&groupName=");
    assert_eq!(found.json()["data"]["totalCount"], 0, "nothing was published");
}

#[test]
fn pages_have_numbers() {
    let server = Server::start();
    let list = "/nacos/v1/ns/service/list";
    let later = "/nacos/v3/admin/ns/service/list";
    check(
        &server,
        &[
            bad("GET", list, &[("pageSize", "1")], 400, "Param 'pageNo' is required."),
            bad("GET", list, &[("pageNo", "1")], 400, "Param 'pageSize' is required."),
            bad("GET", list, &[("pageNo", "x"), ("pageSize", "1")], 400, "For input string: \"x\""),
            bad("GET", list, &[("pageNo", "0"), ("pageSize", "1")], 400, "positive"),
            bad("GET", later, &[("pageNo", "-1"), ("pageSize", "1")], 400, r#""code":20002"#),
            bad("GET", later, &[("pageNo", "99999999999999999999")], 400, r#""code":20002"#),
        ],
    );
    let far =
        server.get(&format!("{later}?pageNo=9223372036854775807&pageSize=9223372036854775807"));
    assert_eq!(far.status, 200, "{}", far.text());
}

#[test]
fn unknown_paths_and_methods_have_their_own_answers() {
    let server = Server::start();
    check(
        &server,
        &[
            bad("GET", "/nacos/v1/ns/nothing", &[], 501, "no such api:GET:/nacos/v1/ns/nothing"),
            bad("GET", "/nacos/v2/ns/nothing", &[], 501, "no such api:GET:/nacos/v2/ns/nothing"),
            bad("POST", "/nacos/v1/ns/instance/list", &[], 501, "no such api:POST:"),
            bad("POST", "/nacos/v1/cs/nothing", &[], 404, r#""error":"Not Found""#),
            bad("PATCH", "/nacos/v1/cs/configs", &[], 405, "Request method 'PATCH' not supported"),
            bad("GET", "/nacos/v3/nothing", &[], 404, r#""status":404"#),
            bad("GET", "/nacos", &[], 200, "Rialto"),
            bad("GET", "/nacosx", &[], 404, r#""path":"/nacosx""#),
            bad("GET", "/v1/ns/instance/list", &[], 404, r#""status":404"#),
            bad("GET", "/nacos/v1/cs/ops/derby", &[("sql", "select 1")], 404, r#""status":404"#),
            bad("POST", "/nacos/v1/cs/ops/data/removal", &[], 404, r#""status":404"#),
            bad("GET", "/nacos/v3/admin/ai/mcp", &[], 501, r#"{"code":40001,"#),
            bad("GET", "/v3/console/ai/mcp/list", &[], 501, "not served here"),
            bad(
                "GET",
                "/nacos/v1/ns/../ns/instance/list",
                &[("serviceName", "a")],
                501,
                "no such api",
            ),
        ],
    );
}

#[test]
fn bodies_have_limits_and_only_forms_carry_parameters() {
    let server = Server::start();
    let path = "/nacos/v1/ns/instance";
    let body = b"serviceName=g&ip=10.0.0.1&port=1";
    let json = [("Content-Type", "application/json")];
    for headers in [&json[..], &[]] {
        let answer = call(server.address, "POST", path, headers, Some(body)).expect("an answer");
        assert_eq!(answer.text(), "caused: Param 'serviceName' is required.;");
    }
    let gbk = [("Content-Type", "application/x-www-form-urlencoded;charset=GBK")];
    let answer = call(server.address, "POST", path, &gbk, Some(body)).expect("an answer");
    assert_eq!(answer.text(), "ok", "the charset is not looked at");
    let many = "a=1&".repeat(300);
    let answer = call(server.address, "POST", path, &FORM, Some(many.as_bytes()));
    assert_eq!(answer.expect("an answer").status, 400);
    let not_text = call(server.address, "POST", path, &FORM, Some(b"serviceName=%ff"));
    assert_eq!(not_text.expect("an answer").status, 400);
    let large = vec![b'x'; 13 * 1024 * 1024];
    let answer = call(server.address, "POST", "/nacos/v1/cs/configs", &FORM, Some(&large));
    assert!(answer.is_none_or(|answer| answer.status == 413), "a body over the limit is refused");
}

#[test]
fn pages_of_browsers_change_nothing_where_nobody_signs_in() {
    let server = Server::start();
    let body = b"serviceName=g&ip=10.0.0.1&port=1";
    let headers = [FORM[0], ("Origin", "http://evil.example")];
    let path = "/nacos/v1/ns/instance";
    let answer = call(server.address, "POST", path, &headers, Some(body)).expect("an answer");
    assert_eq!(answer.status, 403);
    assert_eq!(answer.json()["error"], "Forbidden");
    let path = "/nacos/v1/cs/configs?dataId=d&group=g";
    let asked = |host: &str, agent: &str| {
        let headers = [("Host", host), ("User-Agent", agent)];
        call(server.address, "GET", path, &headers, None).expect("an answer").status
    };
    assert_eq!(asked("evil.example:8848", "Mozilla/5.0 (X11)"), 403, "its name leads here");
    assert_eq!(asked("localhost:8848", "Mozilla/5.0 (X11)"), 404);
    assert_eq!(asked("nacos.internal:8848", "Nacos-Java-Client:v2.5"), 404);
}
