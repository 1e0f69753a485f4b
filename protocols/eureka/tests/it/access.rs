//! Who may call, and how the door opens and closes.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use rialto_catalog::{Command, DocumentKey, DocumentKind, Policy};
use rialto_door::{Access, Shutdown};
use rialto_engine::{Engine, SystemClock};
use rialto_eureka::{EurekaConfig, StartError};
use rialto_security::{Grant, Identity, NewToken, Rights, Role, Security};
use rialto_telemetry::Telemetry;

use crate::client::call;
use crate::server::{Server, instance};

#[test]
fn signed_in_clients_only() {
    let clock = Arc::new(SystemClock::new());
    let server = Server::with(Access::SignedIn, Policy::default(), clock);
    let basic = |password: &str| {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("admin:{password}"));
        format!("Basic {pair}")
    };
    let (right, wrong) = (basic("secret-for-tests"), basic("something-else"));
    let get = |authorization: Option<&str>| {
        let headers: Vec<_> = authorization.into_iter().map(|it| ("Authorization", it)).collect();
        call(server.address, "GET", "/eureka/apps", &headers, None)
    };
    let refused = get(None);
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("www-authenticate"), Some("Basic realm=\"Rialto\""));
    assert_eq!(get(Some(&wrong)).status, 401);
    assert_eq!(get(Some("Digest x")).status, 401);
    assert_eq!(get(Some(&right)).status, 200);
    assert_eq!(server.get("/actuator/health").status, 200, "a health check tells nothing");
    let body = instance("A", "i", "");
    let headers = [("Authorization", right.as_str()), ("Content-Type", "application/json")];
    let post = |headers: &[(&str, &str)]| {
        call(server.address, "POST", "/eureka/apps/A", headers, Some(body.as_bytes())).status
    };
    assert_eq!(post(&headers[1..]), 401);
    assert_eq!(post(&headers), 204);
}

fn basic(user: &str, password: &str) -> String {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {pair}")
}

fn get(server: &Server, path: &str, authorization: &str) -> u16 {
    call(server.address, "GET", path, &[("Authorization", authorization)], None).status
}

fn post(server: &Server, app: &str, authorization: &str) -> u16 {
    let (path, body) = (format!("/eureka/apps/{app}"), instance(app, "i", ""));
    let headers = [("Authorization", authorization), ("Content-Type", "application/json")];
    call(server.address, "POST", &path, &headers, Some(body.as_bytes())).status
}

#[test]
fn users_pass_as_far_as_their_roles_go() {
    let server = Server::with(Access::SignedIn, Policy::default(), Arc::new(SystemClock::new()));
    let (security, admin) = (&server.security, Identity::new("test", Role::Admin));
    security.create_user(&admin, "orders", "orders-password", Role::Member).unwrap();
    let orders = basic("orders", "orders-password");
    assert_eq!(get(&server, "/eureka/apps", &orders), 403);
    security.bind_role(&admin, "orders", "orders").unwrap();
    let grant = |resource: &str, rights| {
        security.grant(&admin, "orders", Grant::new(resource, rights).unwrap()).unwrap();
    };
    grant("public:DEFAULT_GROUP:naming/orders*", Rights::Write);
    assert_eq!(get(&server, "/eureka/apps", &orders), 403, "writing is not reading");
    assert_eq!(post(&server, "ORDERS-1", &orders), 204);
    assert_eq!(post(&server, "STOCK", &orders), 403);
    grant("public:*:naming/*", Rights::Read);
    assert_eq!(get(&server, "/eureka/apps", &orders), 200, "at once");
    assert_eq!(get(&server, "/eureka/apps/ORDERS-1", &orders), 200);
    security.delete_user(&admin, "orders").unwrap();
    assert_eq!(get(&server, "/eureka/apps", &orders), 401);
}

#[test]
fn an_access_token_is_a_password_beside_any_name() {
    let server = Server::with(Access::SignedIn, Policy::default(), Arc::new(SystemClock::new()));
    let (security, admin) = (&server.security, Identity::new("test", Role::Admin));
    let new =
        NewToken { name: "fleet".to_owned(), role: Role::Service, roles: Vec::new(), owner: None };
    let token = security.create_token(&admin, new).unwrap();
    let header = basic("whoever", token.reveal());
    assert_eq!(get(&server, "/eureka/apps", &header), 200);
    assert_eq!(post(&server, "STOCK", &header), 204);
    assert_eq!(get(&server, "/eureka/apps", &format!("Bearer {}", token.reveal())), 200);
    security.revoke_token(&admin, "fleet").unwrap();
    assert_eq!(get(&server, "/eureka/apps", &header), 401);
}

#[test]
fn who_is_signed_out_is_out_on_an_open_connection() {
    use std::io::Write;
    let server = Server::with(Access::SignedIn, Policy::default(), Arc::new(SystemClock::new()));
    let (security, admin) = (&server.security, Identity::new("test", Role::Admin));
    security.create_user(&admin, "u", "password-1", Role::Reader).unwrap();
    let request = format!(
        "GET /eureka/apps HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\n\r\n",
        basic("u", "password-1")
    );
    let mut stream = crate::client::connect(server.address);
    let mut ask = || {
        stream.write_all(request.as_bytes()).unwrap();
        crate::client::read_one(&mut stream).status
    };
    assert_eq!(ask(), 200);
    security.set_password(&admin, "u", "password-2").unwrap();
    assert_eq!(ask(), 401);
}

#[test]
fn a_page_in_a_browser_changes_nothing() {
    let server = Server::start();
    server.register("A", "i");
    let headers = [("Origin", "http://elsewhere.example"), ("Accept", "application/json")];
    let body = instance("A", "j", "");
    for (method, path) in [
        ("DELETE", "/eureka/apps/A/i"),
        ("PUT", "/eureka/apps/A/i/status?value=DOWN"),
        ("POST", "/eureka/apps/A"),
    ] {
        let answer = call(server.address, method, path, &headers, Some(body.as_bytes()));
        assert_eq!(answer.status, 403, "{method} {path}");
    }
    assert_eq!(server.get_json("/eureka/apps/A/i")["instance"]["status"], "UP");
}

fn start(listen: SocketAddr, access: Access, engine: &Engine) -> Result<SocketAddr, StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (security, _) = Security::open(None, Some("secret-for-tests".to_owned())).unwrap();
    let config = EurekaConfig { listen, access, workers: 1, ..EurekaConfig::default() };
    let telemetry = Telemetry::new();
    let shutdown = Shutdown::new();
    runtime.block_on(rialto_eureka::start(config, engine.clone(), telemetry, security, shutdown))
}

#[test]
fn a_door_that_others_reach_needs_a_decision() {
    let engine = Engine::in_memory(Arc::new(SystemClock::new()), Telemetry::new());
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let refused = start(everywhere, Access::Loopback, &engine).unwrap_err();
    assert!(refused.to_string().contains("--set eureka.auth=required"), "{refused}");
    assert!(start(everywhere, Access::SignedIn, &engine).is_ok());
    assert!(start(everywhere, Access::Open, &engine).is_ok());
}

#[test]
fn a_taken_port_is_named() {
    let server = Server::start();
    let refused = start(server.address, Access::Loopback, &server.engine).unwrap_err();
    assert!(refused.to_string().contains("--set eureka.listen="), "{refused}");
}

#[test]
fn stored_overrides_show_after_a_restart() {
    let server = Server::start();
    server.register("A", "i");
    let key = DocumentKey::new(DocumentKind::StatusOverride, "i").unwrap();
    let body = "OUT_OF_SERVICE".into();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(server.engine.propose(Command::PutDocument { key, body })).unwrap();
    // As after a crash: the override is durable, the instance is older.
    assert_eq!(server.get_json("/eureka/apps/A/i")["instance"]["status"], "UP");
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let again = start(listen, Access::Loopback, &server.engine).unwrap();
    let answer = call(again, "GET", "/eureka/apps/A/i", &[("Accept", "application/json")], None);
    assert!(answer.text().contains(r#""status":"OUT_OF_SERVICE","overriddenStatus":"OUT_OF"#));
}

#[test]
fn a_stop_closes_idle_connections() {
    let server = Server::start();
    let mut idle = crate::client::connect(server.address);
    std::io::Write::write_all(&mut idle, b"GET /actuator/health HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    assert_eq!(crate::client::read_one(&mut idle).status, 200);
    drop(server);
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut idle, &mut rest).expect("the door closes it");
    assert!(rest.is_empty());
}
