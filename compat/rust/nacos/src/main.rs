//! Subscribes to the service and listens to its keys with the Rust client, then does what its
//! input says, a call a line; every answer and every notice is a line of JSON:
//! `rialto-compat-nacos ADDRESS NAME PORT KEY...`.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::sync::Arc;

use nacos_sdk::api::config::{
    ConfigChangeListener, ConfigResponse, ConfigService, ConfigServiceBuilder,
};
use nacos_sdk::api::naming::{
    NamingChangeEvent, NamingEventListener, NamingService, NamingServiceBuilder, ServiceInstance,
};
use nacos_sdk::api::props::ClientProps;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

const SERVICE: &str = "compat";
const GROUP: &str = "DEFAULT_GROUP";

type Failed = Box<dyn std::error::Error>;

struct Participant {
    name: String,
    port: i32,
    naming: NamingService,
    config: ConfigService,
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, address, name, port, keys @ ..] = arguments.as_slice() else {
        return Err("usage: rialto-compat-nacos ADDRESS NAME PORT KEY...".into());
    };
    let mut settings = ClientProps::new().server_addr(address).cache_dir("cache");
    let user = (std::env::var("COMPAT_USER"), std::env::var("COMPAT_PASSWORD"));
    let signs_in = user.0.is_ok();
    if let (Ok(user), Ok(password)) = user {
        settings = settings.auth_username(user).auth_password(password);
    }
    let mut naming = NamingServiceBuilder::new(settings.clone());
    let mut config = ConfigServiceBuilder::new(settings);
    // With the plugin and without a user it waits for ever.
    if signs_in {
        (naming, config) = (naming.enable_auth_plugin_http(), config.enable_auth_plugin_http());
    }
    let mut participant = Participant {
        name: name.clone(),
        port: port.parse()?,
        naming: naming.build().await?,
        config: config.build().await?,
    };
    participant.listen(keys).await?;
    say("ready", Ok(json!({})));
    let mut input = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = input.next_line().await? {
        let words: Vec<&str> = line.split(' ').collect();
        say(words[0], participant.call(&words).await);
    }
    Ok(())
}

impl Participant {
    async fn listen(&mut self, keys: &[String]) -> Result<(), Failed> {
        self.naming
            .subscribe(SERVICE.into(), Some(GROUP.into()), vec![], Arc::new(Printer))
            .await?;
        for key in keys {
            self.config.add_listener(key.clone(), GROUP.into(), Arc::new(Printer)).await?;
        }
        Ok(())
    }

    async fn call(&self, words: &[&str]) -> Result<Value, Failed> {
        let service = (SERVICE.to_owned(), Some(GROUP.to_owned()));
        let mut found = json!({});
        match *words {
            ["register" | "update", weight, round] => {
                let instance = self.instance(weight.parse()?, round);
                self.naming.register_instance(service.0, service.1, instance).await?;
            }
            ["deregister"] => {
                let instance = self.instance(1.0, "");
                self.naming.deregister_instance(service.0, service.1, instance).await?;
            }
            ["list"] => {
                let instances =
                    self.naming.get_all_instances(service.0, service.1, vec![], false).await?;
                found = json!({"hosts": hosts(&instances)});
            }
            ["publish", key, value] => {
                self.config.publish_config(key.into(), GROUP.into(), value.into(), None).await?;
            }
            ["read", key] => {
                let answer = self.config.get_config(key.into(), GROUP.into()).await?;
                found = json!({"value": answer.content()});
            }
            ["cas", key, value, md5] => {
                let done = self.config.publish_config_cas(
                    key.into(),
                    GROUP.into(),
                    value.into(),
                    None,
                    md5.into(),
                );
                found = json!({"won": done.await.unwrap_or(false)});
            }
            ["remove", key] => {
                self.config.remove_config(key.into(), GROUP.into()).await?;
            }
            _ => return Err("no such call".into()),
        }
        Ok(found)
    }

    fn instance(&self, weight: f64, round: &str) -> ServiceInstance {
        let metadata = HashMap::from([
            ("client".to_owned(), self.name.clone()),
            ("round".to_owned(), round.to_owned()),
        ]);
        let ip = "127.0.0.1".to_owned();
        ServiceInstance { ip, port: self.port, weight, metadata, ..Default::default() }
    }
}

/// Prints what the client is told.
struct Printer;

impl NamingEventListener for Printer {
    fn event(&self, event: Arc<NamingChangeEvent>) {
        let instances = event.instances.as_deref().unwrap_or_default();
        say("seen", Ok(json!({"hosts": hosts(instances)})));
    }
}

impl ConfigChangeListener for Printer {
    fn notify(&self, change: ConfigResponse) {
        say("heard", Ok(json!({"key": change.data_id(), "value": change.content()})));
    }
}

fn hosts(instances: &[ServiceInstance]) -> HashMap<String, Value> {
    let host = |each: &ServiceInstance| {
        let word = |key: &str| each.metadata.get(key).cloned().unwrap_or_default();
        (word("client"), json!([each.weight, word("round"), each.healthy]))
    };
    instances.iter().map(host).collect()
}

fn say(step: &str, outcome: Result<Value, Failed>) {
    let mut line =
        outcome.as_ref().map_or_else(|failed| json!({"found": failed.to_string()}), Clone::clone);
    line["step"] = step.into();
    line["ok"] = outcome.is_ok().into();
    println!("{line}");
}
