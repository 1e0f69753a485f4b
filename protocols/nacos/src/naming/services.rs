//! Services as operators make, change and remove them.

use rialto_catalog::{Command, Protocol, ServiceKey};

use super::Naming;
use super::select::see;
use super::settings::{Cluster, Settings};
use super::words::{Checker, ClusterForm, ClusterInfo, ServiceDetail, ServiceForm};
use crate::map::{check_names, group_of, grouped};
use crate::{Code, Problem};

impl Naming {
    /// A service with its clusters.
    ///
    /// # Errors
    /// When there is none.
    pub fn service(&self, key: &ServiceKey) -> Result<ServiceDetail, Problem> {
        let kind = self.shared.engine.read(|state| {
            let service = state.service(key)?;
            Some((service.count(Protocol::Nacos), service.count_agreed(Protocol::Nacos)))
        });
        let Some((own, agreed)) = kind else {
            let (namespace, service) = (key.namespace(), grouped(key));
            let message =
                format!("service not found, namespace: {namespace}, serviceName: {service}");
            return Err(Problem::new(400, Code::ServiceNotFound, message));
        };
        let all = self.all_of(key);
        let mut names: Vec<&str> = all.iter().map(|one| see(one).cluster).collect();
        names.sort_unstable();
        names.dedup();
        let settings = self.shared.settings.get(key);
        let made = settings.as_ref().map(|settings| settings.ephemeral);
        let settings = settings.as_deref().cloned().unwrap_or_default();
        Ok(ServiceDetail {
            namespace_id: key.namespace().to_owned(),
            group_name: group_of(key).to_owned(),
            service_name: key.name().to_owned(),
            ephemeral: if own > 0 { agreed == 0 } else { made.unwrap_or(true) },
            protect_threshold: settings.protect_threshold,
            selector_type: "none".to_owned(),
            selector_expression: None,
            clusters: names.into_iter().map(|name| cluster_info(name, &settings)).collect(),
            metadata: settings.metadata,
        })
    }

    /// Makes a service.
    ///
    /// # Errors
    /// When it is there already, a value is wrong, or it could not be made durable.
    pub async fn create_service(&self, key: &ServiceKey, form: ServiceForm) -> Result<(), Problem> {
        check_names(key.namespace(), group_of(key), key.name(), "")?;
        if self.shared.engine.read(|state| state.service(key).is_some()) {
            let message = format!("specified service {} already exists!", grouped(key));
            return Err(Problem::new(400, Code::ServiceExists, message));
        }
        check_service(&form)?;
        let settings = Settings {
            protect_threshold: form.protect_threshold,
            ephemeral: form.ephemeral,
            metadata: form.metadata,
            ..Settings::default()
        };
        self.put(key, settings, true).await
    }

    /// Changes a service.
    ///
    /// # Errors
    /// When there is none, a value is wrong, or it could not be made durable.
    pub async fn update_service(&self, key: &ServiceKey, form: ServiceForm) -> Result<(), Problem> {
        let ephemeral = self.kind_of_existing(key)?;
        check_service(&form)?;
        let before = self.shared.settings.get(key);
        let settings = Settings {
            protect_threshold: form.protect_threshold,
            ephemeral,
            metadata: form.metadata,
            clusters: before.map(|settings| settings.clusters.clone()).unwrap_or_default(),
            version: 0,
        };
        self.put(key, settings, false).await
    }

    /// Removes a service that has no instances.
    ///
    /// # Errors
    /// When there is none, it has instances, or it could not be made durable.
    pub async fn remove_service(&self, key: &ServiceKey) -> Result<(), Problem> {
        self.kind_of_existing(key)?;
        if !self.all_of(key).is_empty() {
            let message = format!(
                "Service {} is not empty, can't be delete. Please unregister instance first",
                grouped(key)
            );
            return Err(Problem::new(400, Code::ServiceNotEmpty, message));
        }
        self.forget_service(key).await
    }

    /// Changes a cluster of a service.
    ///
    /// # Errors
    /// As [`Naming::update_service`].
    pub async fn update_cluster(&self, key: &ServiceKey, form: ClusterForm) -> Result<(), Problem> {
        check_names("", "", "", &form.cluster)?;
        let ephemeral = self.kind_of_existing(key)?;
        let checker = check_checker(&form.checker)?;
        let before = self.shared.settings.get(key);
        let mut settings = before.as_deref().cloned().unwrap_or_default();
        settings.ephemeral = ephemeral;
        let cluster = Cluster {
            check_port: form.check_port,
            use_instance_port: form.use_instance_port,
            checker,
            metadata: form.metadata,
        };
        settings.clusters.insert(form.cluster, cluster);
        self.put(key, settings, false).await
    }

    /// Forgets a service that has no instances, with what was set of it.
    pub(super) async fn forget_service(&self, key: &ServiceKey) -> Result<(), Problem> {
        self.propose(Command::RemoveService { service: key.clone() }).await?;
        self.propose(Command::RemoveDocument { key: Settings::document(key)? }).await?;
        self.shared.settings.remove(key);
        Ok(())
    }

    /// Whether a service that must be there is one of ephemeral instances.
    fn kind_of_existing(&self, key: &ServiceKey) -> Result<bool, Problem> {
        match self.service(key) {
            Ok(service) => Ok(service.ephemeral),
            Err(_) => {
                let message = format!("service {} not found!", grouped(key));
                Err(Problem::new(400, Code::ServiceNotFound, message))
            }
        }
    }

    /// Makes settings durable, then in force.
    async fn put(&self, key: &ServiceKey, settings: Settings, made: bool) -> Result<(), Problem> {
        let (document, body) = (Settings::document(key)?, settings.body());
        self.propose(Command::PutDocument { key: document, body }).await?;
        let made = made
            || self
                .shared
                .engine
                .read(|state| state.service(key).is_some_and(|service| service.is_agreed()));
        if made {
            let (service, metadata) = (key.clone(), settings.metadata.clone());
            self.propose(Command::PutService { service, metadata }).await?;
        }
        self.shared.settings.put(key, settings);
        self.shared.pushes.lock().changed(key, self.shared.engine.now());
        self.shared.wake.notify_one();
        Ok(())
    }
}

fn cluster_info(name: &str, settings: &Settings) -> ClusterInfo {
    let cluster = settings.cluster(name);
    ClusterInfo {
        cluster_name: name.to_owned(),
        health_check_port: cluster.check_port,
        use_instance_port_for_check: cluster.use_instance_port,
        health_checker: serde_json::to_value(&cluster.checker).unwrap_or_default(),
        metadata: cluster.metadata,
    }
}

fn check_service(form: &ServiceForm) -> Result<(), Problem> {
    if !(0.0..=1.0).contains(&form.protect_threshold) {
        let message = "protectThreshold must be from 0 to 1";
        return Err(Problem::new(400, Code::ServiceMetadata, message));
    }
    let selector = form.selector.trim();
    if selector.is_empty() {
        return Ok(());
    }
    let wrong = |message: &str| Err(Problem::new(400, Code::Selector, message));
    let selector: serde_json::Value = match serde_json::from_str(selector) {
        Ok(selector) => selector,
        Err(_) => return wrong("the selector is no JSON"),
    };
    match selector.get("type").and_then(serde_json::Value::as_str) {
        None | Some("none") => Ok(()),
        Some("label") => wrong("label selectors need a CMDB, and there is none here"),
        Some(_) => wrong("not match any type of selector!"),
    }
}

/// Reads a checker and refuses one whose words could leave the line that they belong to.
fn check_checker(json: &str) -> Result<Checker, Problem> {
    if json.trim().is_empty() {
        return Ok(Checker::default());
    }
    let wrong = |message: String| Problem::new(400, Code::ParameterInvalid, message);
    let checker: Checker = serde_json::from_str(json)
        .map_err(|error| wrong(format!("the health checker cannot be read: {error}")))?;
    if let Checker::Http { path, headers, .. } = &checker {
        let odd = |text: &str| text.chars().any(|it| it.is_control() || !it.is_ascii());
        if odd(path) || path.contains(' ') || odd(headers) {
            return Err(wrong("path and headers of a checker are visible ASCII".to_owned()));
        }
    }
    Ok(checker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkers() {
        assert_eq!(check_checker(""), Ok(Checker::Tcp));
        assert_eq!(check_checker("{\"type\":\"TCP\"}"), Ok(Checker::Tcp));
        assert_eq!(check_checker("{\"type\":\"NONE\"}"), Ok(Checker::None));
        let http = check_checker("{\"type\":\"HTTP\",\"path\":\"/x\"}").unwrap();
        let expected = Checker::Http { path: "/x".into(), headers: String::new(), expected: 200 };
        assert_eq!(http, expected);
        for wrong in [
            "{",
            "{}",
            "{\"type\":\"UDP\"}",
            "{\"type\":\"HTTP\",\"path\":\"/ x\"}",
            "{\"type\":\"HTTP\",\"path\":\"/\\r\\nHost: x\"}",
            "{\"type\":\"HTTP\",\"headers\":\"a:b\\r\\nc:d\"}",
        ] {
            assert_eq!(check_checker(wrong).unwrap_err().status, 400, "{wrong}");
        }
        let mysql = "{\"type\":\"MYSQL\",\"user\":\"u\",\"pwd\":\"secret\",\"cmd\":\"select 1\"}";
        assert!(!format!("{:?}", check_checker(mysql).unwrap()).contains("secret"));
    }

    #[test]
    fn services() {
        let form = |protect_threshold, selector: &str| {
            let selector = selector.to_owned();
            check_service(&ServiceForm { protect_threshold, selector, ..ServiceForm::default() })
        };
        assert_eq!(form(0.0, ""), Ok(()));
        assert_eq!(form(1.0, "{\"type\":\"none\"}"), Ok(()));
        for threshold in [-0.1, 1.1, f32::NAN] {
            assert_eq!(form(threshold, "").unwrap_err().code, Code::ServiceMetadata);
        }
        for selector in ["{", "{\"type\":\"label\",\"expression\":\"\"}", "{\"type\":\"x\"}"] {
            assert_eq!(form(0.0, selector).unwrap_err().code, Code::Selector);
        }
    }
}
