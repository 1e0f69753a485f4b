//! Made-up clients of a Nacos door, and configurations for them to listen to.

use std::sync::Arc;

use rialto_catalog::{Protocol, ServiceKey};
use rialto_configuration::{ConfigKey, Content, Entry, Kind, Origin, Publish, PublishMeta, Target};
use rialto_console::{
    Changed, Clients, Cluster, ImportFile, Importing, InstanceChange, Listener, NotChanged,
    ServiceFacts, Subscriber,
};
use rialto_engine::{Configurations, Engine, Namespace, ProposeError};

/// Agents as clients of Nacos name themselves.
const AGENTS: [&str; 4] = [
    "Nacos-Java-Client:v2.5.1",
    "Nacos-Go-Client:v2.2.9",
    "Nacos-Python-Client:v3.0.2",
    "Nacos-Java-Client:v3.1.0",
];

const STOREFRONT: &str = "server:\n  port: 8080\n  shutdown: graceful\n\nstorefront:\n  \
    checkout:\n    timeout: 2s\n    retries: 2\n  search:\n    results-per-page: 24\n    \
    suggestions: true\n\nlogging:\n  level:\n    root: info\n    shop.checkout: debug\n";

/// What listens and subscribes, as far as pages are concerned.
pub(crate) struct Door {
    pub(crate) engine: Engine,
    pub(crate) configurations: Configurations,
}

impl Clients for Door {
    fn subscribers(&self, service: &ServiceKey) -> Vec<Subscriber> {
        let count = service.name().len() % 5;
        let subscriber = |at: usize| Subscriber {
            protocol: Protocol::Nacos,
            address: format!("10.0.3.{}:{}", 11 + at, 41_000 + at * 7),
            client: AGENTS[at % AGENTS.len()].to_owned(),
            app: ["storefront", "order", ""][at % 3].to_owned(),
            clusters: if at == 2 { "BLUE" } else { "" }.to_owned(),
        };
        (0..count).map(subscriber).collect()
    }

    fn listeners(&self, key: &ConfigKey) -> Vec<Listener> {
        let entry = self.configurations.entry(&key.borrow());
        let formal = entry.as_ref().and_then(|entry| entry.formal.as_ref());
        let md5 = formal.map_or("", |formal| formal.effective.content.md5_text());
        let listener = |at: usize| Listener {
            address: format!("10.0.3.{}:{}", 11 + at, 52_000 + at * 7),
            client: AGENTS[at % AGENTS.len()].to_owned(),
            tag: String::new(),
            md5: match at {
                3 => "0bee89b07a248e27c83fc3d5951213c1",
                4 => "",
                _ => md5,
            }
            .to_owned(),
        };
        (0..key.data_id().len() % 7).map(listener).collect()
    }

    fn service(&self, service: &ServiceKey) -> Option<ServiceFacts> {
        let cluster = |name: &str, checker: &str, check_port| Cluster {
            name: name.to_owned(),
            checker: checker.to_owned(),
            check_port,
        };
        (service.name() == "inventory").then(|| ServiceFacts {
            protect_threshold: 0.4,
            selector: String::new(),
            clusters: vec![
                cluster("DEFAULT", "TCP", None),
                cluster("BLUE", "HTTP /health", Some(9_100)),
            ],
        })
    }

    fn change_instance<'a>(
        &'a self,
        service: &'a ServiceKey,
        id: &'a str,
        change: InstanceChange,
    ) -> Changed<'a> {
        Box::pin(async move {
            let Some(weight) = change.weight else { return Ok(()) };
            let set = self.engine.set_weight(service, Protocol::Nacos, id, weight).await;
            set.map_err(|error| match error {
                ProposeError::Refused(_) => NotChanged::Refused,
                other => NotChanged::Failed(other.to_string()),
            })
        })
    }

    fn pack(&self, entries: &[Arc<Entry>]) -> Result<Vec<u8>, String> {
        Ok(format!("{} configurations\n", entries.len()).into_bytes())
    }

    fn import(&self, _: ImportFile) -> Importing<'_> {
        Box::pin(std::future::ready(Err("the preview reads no files".to_owned())))
    }
}

/// Namespaces and configurations with a history.
pub(crate) async fn publish(
    engine: &Engine,
    configurations: &Configurations,
) -> Result<(), Box<dyn std::error::Error>> {
    for (id, name, description) in [
        ("staging", "Staging", "As production, with yesterday's data"),
        ("team-payments", "Payments", "Owned by the payments team"),
        ("empty-one", "Sandbox", ""),
    ] {
        let (id, name, description) = (id.to_owned(), name.to_owned(), description.to_owned());
        engine.create_namespace(&Namespace { id, name, description }).await?;
    }
    let database = "[database]\nurl = \"postgres://orders@10.0.0.20/orders\"\npool = 16\n";
    let flags = "{\n  \"new-checkout\": true,\n  \"express-lane\": false\n}\n";
    for (namespace, group, name, kind, content, tags, secret) in [
        ("", "DEFAULT_GROUP", "storefront.yaml", Kind::Yaml, STOREFRONT, "shop,web", false),
        ("", "DEFAULT_GROUP", "orders-database.toml", Kind::Toml, database, "database", true),
        ("", "SHARED", "feature-flags.json", Kind::Json, flags, "shop", false),
        ("staging", "DEFAULT_GROUP", "storefront.yaml", Kind::Yaml, STOREFRONT, "shop", false),
        (
            "team-payments",
            "PAY",
            "limits.properties",
            Kind::Properties,
            "per.day=5000\n",
            "",
            false,
        ),
    ] {
        let key = ConfigKey::new(namespace, group, name)?;
        let first = content.replace("2s", "3s").replace("24", "20").replace("16", "8");
        let publish = version(&key, &first, kind, tags, secret, "alice");
        configurations.publish(publish).await?;
        configurations.publish(version(&key, content, kind, tags, secret, "bob")).await?;
    }
    let key = ConfigKey::new("", "DEFAULT_GROUP", "storefront.yaml")?;
    let mut gray = version(
        &key,
        &STOREFRONT.replace("retries: 2", "retries: 3\n    hedge-after: 300ms"),
        Kind::Yaml,
        "",
        false,
        "alice",
    );
    gray.target = Target::Beta { ips: "10.0.3.11,10.0.3.12".to_owned() };
    configurations.publish(gray).await?;
    Ok(())
}

fn version(
    key: &ConfigKey,
    content: &str,
    kind: Kind,
    tags: &str,
    secret: bool,
    who: &str,
) -> Publish {
    let said = |text: &str| Some(text.to_owned());
    Publish {
        key: key.clone(),
        content: Content::new(content),
        target: Target::Formal,
        cas: String::new(),
        kind: Some(kind),
        meta: PublishMeta {
            tags: said(tags),
            desc: (kind == Kind::Yaml).then(|| "Settings of the web shop".to_owned()),
            app_name: said(if kind == Kind::Yaml { "storefront" } else { "" }),
            ..PublishMeta::default()
        },
        encrypted_data_key: String::new(),
        secret: Some(secret),
        origin: Origin { user: who.to_owned(), ip: "10.0.1.5".to_owned() },
    }
}
