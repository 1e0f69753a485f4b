//! Rights on one thing open nothing else, whatever other parameters a call carries.

use rialto_security::{Grant, Identity, Rights, Role};

use crate::client::{Response, call, form};
use crate::server::{PASSWORD, Server};

const FORM: &str = "application/x-www-form-urlencoded";

struct Caller<'a> {
    server: &'a Server,
    token: String,
}

impl<'a> Caller<'a> {
    fn new(server: &'a Server, name: &str) -> Self {
        let body = form(&[("username", name), ("password", PASSWORD)]);
        let headers = [("Content-Type", FORM)];
        let path = "/nacos/v1/auth/login";
        let answer = call(server.address, "POST", path, &headers, Some(body.as_bytes()));
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let token = answer.json()["accessToken"].as_str().expect("a token").to_owned();
        Caller { server, token }
    }

    /// Everything in the query, with a body of its own.
    fn query(&self, method: &str, path: &str, query: &str, body: Option<(&str, &str)>) -> Response {
        let authorization = format!("Bearer {}", self.token);
        let mut headers = vec![("Authorization", authorization.as_str())];
        headers.extend(body.map(|(kind, _)| ("Content-Type", kind)));
        let path = format!("{path}?{query}");
        let body = body.map(|(_, body)| body.as_bytes());
        call(self.server.address, method, &path, &headers, body).expect("an answer")
    }

    fn send(&self, method: &str, path: &str, parameters: &str) -> Response {
        match method {
            "GET" | "DELETE" => self.query(method, path, parameters, None),
            _ => self.query(method, path, "", Some((FORM, parameters))),
        }
    }
}

/// A server where `narrow` may read and change `G/a` and the service `GG@@s`, and others exist.
fn prepared() -> Server {
    let server = Server::signed_in();
    let admin = Identity::new("test", Role::Admin);
    let security = &server.security;
    security.create_user(&admin, "narrow", PASSWORD, Role::Member).expect("a new user");
    security.bind_role(&admin, "narrow", "narrow").expect("a new role");
    for resource in ["public:G:config/a", "public:GG:naming/s"] {
        let grant = Grant::new(resource, Rights::ReadWrite).expect("a pattern");
        security.grant(&admin, "narrow", grant).expect("a permission");
    }
    let owner = Caller::new(&server, "admin");
    for (path, parameters) in [
        ("/nacos/v1/cs/configs", "dataId=a&group=G&content=mine"),
        ("/nacos/v1/cs/configs", "dataId=b&group=X&content=other"),
        ("/nacos/v1/ns/instance", "serviceName=GG@@s&ip=10.0.0.1&port=1"),
        ("/nacos/v1/ns/instance", "serviceName=GG@@t&ip=10.0.0.2&port=2"),
    ] {
        let answer = owner.send("POST", path, parameters);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    server
}

/// The identifier of a configuration.
fn id(owner: &Caller<'_>, data_id: &str, group: &str) -> String {
    let query = format!("show=all&dataId={data_id}&group={group}");
    let answer = owner.send("GET", "/nacos/v1/cs/configs", &query);
    answer.json()["id"].as_str().expect("an identifier").to_owned()
}

#[test]
fn what_was_granted_is_allowed() {
    let server = prepared();
    let narrow = Caller::new(&server, "narrow");
    for (method, path, parameters) in [
        ("GET", "/nacos/v1/cs/configs", "dataId=a&group=G"),
        ("GET", "/nacos/v1/cs/configs", "dataId=a&group=G&search=accurate&pageNo=1&pageSize=9"),
        ("GET", "/nacos/v3/admin/cs/config/list", "dataId=a&groupName=G&search=blur"),
        ("GET", "/nacos/v1/cs/history", "search=accurate&dataId=a&group=G"),
        ("GET", "/nacos/v1/ns/instance/list", "serviceName=GG@@s"),
        ("GET", "/nacos/v3/client/ns/instance/list", "serviceName=s&groupName=GG"),
        ("POST", "/nacos/v1/cs/configs", "dataId=a&group=G&content=new"),
        ("POST", "/nacos/v2/ns/instance", "serviceName=s&groupName=GG&ip=10.0.0.3&port=3"),
        ("POST", "/nacos/v1/cs/configs/listener", "Listening-Configs=a%02G%02x%01"),
    ] {
        let answer = narrow.send(method, path, parameters);
        assert_eq!(answer.status, 200, "{method} {path} {parameters}: {}", answer.text());
    }
}

#[test]
fn no_other_parameter_widens_it() {
    let server = prepared();
    let (owner, narrow) = (Caller::new(&server, "admin"), Caller::new(&server, "narrow"));
    let other = id(&owner, "b", "X");
    let mine_and_other = format!("{},{other}", id(&owner, "a", "G"));
    let by_ids = format!("ids={mine_and_other}&dataId=a&group=G&groupName=G");
    let export = format!("export=true&{by_ids}");
    let removal = format!("delType=ids&{by_ids}");
    let mut wrong = Vec::new();
    for (method, path, parameters) in [
        ("GET", "/nacos/v1/cs/configs", "dataId=b&group=X"),
        ("GET", "/nacos/v1/cs/configs", "dataId=b&group=X&dataId=a&group=G"),
        ("GET", "/nacos/v1/cs/configs", "dataId=*&group=*&search=blur&pageNo=1&pageSize=9"),
        ("GET", "/nacos/v1/cs/configs", "dataId=a&group=&search=blur&pageNo=1&pageSize=9"),
        ("GET", "/nacos/v1/cs/configs", export.as_str()),
        ("DELETE", "/nacos/v1/cs/configs", removal.as_str()),
        ("DELETE", "/nacos/v3/admin/cs/config/batch", by_ids.as_str()),
        ("GET", "/nacos/v3/admin/cs/config/export", by_ids.as_str()),
        ("GET", "/nacos/v3/admin/cs/config/export", "dataId=a&groupName=G"),
        ("GET", "/nacos/v3/admin/cs/history/list", "dataId=b&group=G&groupName=X"),
        ("GET", "/nacos/v1/cs/history/configs", "tenant=&dataId=a&group=G"),
        ("GET", "/nacos/v1/cs/capacity", "tenant=public&dataId=a&group=G"),
        ("GET", "/nacos/v1/ns/service/list", "serviceName=GG@@s&pageNo=1&pageSize=9"),
        ("GET", "/nacos/v1/ns/catalog/services", "serviceName=GG@@s&pageNo=1&pageSize=9"),
        ("GET", "/nacos/v3/admin/ns/service/list", "serviceName=s&groupName=GG"),
        ("GET", "/nacos/v1/ns/instance/list", "serviceName=GG@@t&groupName=GG"),
        ("GET", "/nacos/v1/ns/instance/statuses", "key=public%23%23GG@@t&serviceName=GG@@s"),
        ("GET", "/nacos/v2/ns/client/list", "serviceName=s&groupName=GG"),
        ("GET", "/nacos/v1/cs/listener", "ip=127.0.0.1&dataId=a&group=G"),
        ("GET", "/nacos/v1/ns/operator/metrics", "onlyStatus=false"),
        ("POST", "/nacos/v1/cs/configs/listener", "Listening-Configs=a%02G%02x%01b%02X%02x%01"),
        ("POST", "/nacos/v1/console/namespaces", "customNamespaceId=n&namespaceName=n"),
        ("PUT", "/nacos/v1/ns/operator/switches", "entry=pushEnabled&value=false"),
    ] {
        let answer = narrow.send(method, path, parameters);
        if answer.status != 403 {
            wrong.push(format!(
                "{method} {path} {parameters}: {} {}",
                answer.status,
                answer.text()
            ));
        }
    }
    let copied = format!(r#"[{{"cfgId":{other},"dataId":"a","group":"G"}}]"#);
    for query in ["clone=true&tenant=&dataId=a&group=G", "clone=true&tenant=public"] {
        let body = Some(("application/json", copied.as_str()));
        let answer = narrow.query("POST", "/nacos/v1/cs/configs", query, body);
        if answer.status != 403 {
            wrong.push(format!("{query}: {} {}", answer.status, answer.text()));
        }
    }
    assert!(wrong.is_empty(), "{} calls were let through:\n{}", wrong.len(), wrong.join("\n"));
    let kept = owner.send("GET", "/nacos/v1/cs/configs", "dataId=b&group=X");
    assert_eq!(kept.text(), "other");
}
