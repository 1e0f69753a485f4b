//! Writes into a running Rialto, through the interface that its Nacos door has for administrators.

use http::Method;
use serde_json::{Value as Json, json};

use super::client::{Client, Trouble};
use super::model::{
    Cluster, Config, ConfigId, Gray, Instance, Namespace, Permission, Role, Service, ServiceId,
    Version,
};

/// The server that is written to.
pub(super) struct Target {
    client: Client,
}

/// What is known of a configuration that is there already.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Present {
    pub(super) md5: String,
    pub(super) kind: String,
}

impl Target {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Signs in.
    ///
    /// # Errors
    /// When it cannot be reached, or does not accept the sign-in.
    pub(super) async fn open(&self) -> Result<(), Trouble> {
        self.client.sign_in().await?;
        self.client.try_get("/v3/admin/core/state/readiness", &[]).await?.decoded().map(drop)
    }

    /// Identifiers of the namespaces that are there.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn namespaces(&self) -> Result<Vec<String>, Trouble> {
        let answer = self.client.try_get("/v3/admin/core/namespace/list", &[]).await?.decoded()?;
        let id = |entry: &Json| entry["namespace"].as_str().map(str::to_owned);
        Ok(answer.as_array().into_iter().flatten().filter_map(id).collect())
    }

    /// Makes a namespace, or gives the one of this identifier its name and description.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn put_namespace(&self, it: &Namespace, is_new: bool) -> Result<(), Trouble> {
        let method = if is_new { Method::POST } else { Method::PUT };
        let parameters = [
            ("namespaceId", it.id.as_str()),
            ("namespaceName", &it.name),
            ("namespaceDesc", &it.description),
        ];
        self.send(method, "/v3/admin/core/namespace", &parameters).await
    }

    /// Makes a service, or gives the one of this name its settings.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn put_service(
        &self,
        service: &Service,
        is_ephemeral: bool,
    ) -> Result<(), Trouble> {
        let id = service_parameters(&service.id);
        let found = self.client.try_get("/v3/admin/ns/service", &id).await?;
        let method = if found.decoded().is_ok() { Method::PUT } else { Method::POST };
        let threshold = service.protect_threshold.to_string();
        let (metadata, selector) = (json!(service.metadata), &service.selector);
        let (metadata, selector) = (metadata.to_string(), selector.to_string());
        let own = [
            ("protectThreshold", threshold.as_str()),
            ("metadata", &metadata),
            ("selector", &selector),
            ("ephemeral", if is_ephemeral { "true" } else { "false" }),
        ];
        self.send(method, "/v3/admin/ns/service", &[&id[..], &own].concat()).await
    }

    /// Says how the instances of a cluster are checked.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn put_cluster(&self, of: &ServiceId, it: &Cluster) -> Result<(), Trouble> {
        let port = it.check_port.to_string();
        let (checker, metadata) = (it.checker.to_string(), json!(it.metadata).to_string());
        let own = [
            ("clusterName", it.name.as_str()),
            ("checkPort", &port),
            ("useInstancePort4Check", if it.uses_instance_port { "true" } else { "false" }),
            ("healthChecker", &checker),
            ("metadata", &metadata),
        ];
        let parameters = [&service_parameters(of)[..], &own].concat();
        self.send(Method::PUT, "/v3/admin/ns/cluster", &parameters).await
    }

    /// Registers a persistent instance.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn put_instance(&self, of: &ServiceId, it: &Instance) -> Result<(), Trouble> {
        let (port, weight) = (it.port.to_string(), it.weight.to_string());
        let metadata = json!(it.metadata).to_string();
        let flag = |is: bool| if is { "true" } else { "false" };
        let own = [
            ("ip", it.ip.as_str()),
            ("port", &port),
            ("clusterName", &it.cluster),
            ("weight", &weight),
            ("healthy", flag(it.is_healthy)),
            ("enabled", flag(it.is_enabled)),
            ("ephemeral", "false"),
            ("metadata", &metadata),
        ];
        let parameters = [&service_parameters(of)[..], &own].concat();
        self.send(Method::POST, "/v3/admin/ns/instance", &parameters).await
    }

    /// What is there under this identifier.
    ///
    /// # Errors
    /// Only [`Trouble::Stop`].
    pub(super) async fn config(&self, id: &ConfigId) -> Result<Option<Present>, Trouble> {
        let answer = self.client.try_get("/v3/admin/cs/config", &config_parameters(id)).await?;
        let Ok(found) = answer.decoded() else { return Ok(None) };
        let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
        let present = Present { md5: text("md5"), kind: text("type") };
        Ok((!present.md5.is_empty()).then_some(present))
    }

    /// Publishes.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn publish(&self, config: &Config) -> Result<(), Trouble> {
        let own = [
            ("content", config.content.as_str()),
            ("type", &config.kind),
            ("appName", &config.app),
            ("desc", &config.description),
            ("configTags", &config.tags),
            ("srcUser", &config.user),
            ("use", &config.usage),
            ("effect", &config.effect),
            ("schema", &config.schema),
            ("encryptedDataKey", &config.encrypted_data_key),
        ];
        self.publish_with(&config.id, &own, &[]).await
    }

    /// Publishes what a configuration once was, so that it is in the history of what follows.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn publish_old(&self, now: &Config, old: &Version) -> Result<(), Trouble> {
        let own = [
            ("content", old.content.as_str()),
            ("type", &now.kind),
            ("appName", &now.app),
            ("srcUser", &old.user),
            ("encryptedDataKey", &old.encrypted_data_key),
        ];
        self.publish_with(&now.id, &own, &[]).await
    }

    /// Publishes a version for some addresses.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn publish_gray(&self, of: &Config, gray: &Gray) -> Result<(), Trouble> {
        let own = [
            ("content", gray.content.as_str()),
            ("type", &of.kind),
            ("encryptedDataKey", &gray.encrypted_data_key),
        ];
        self.publish_with(&of.id, &own, &[("betaIps", &gray.ips)]).await
    }

    /// Whether there is a user of this name.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn has_user(&self, name: &str) -> Result<bool, Trouble> {
        self.has("/v3/auth/user/list", &[("username", name)]).await
    }

    /// Whether a user has a role already.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn has_role(&self, role: &Role) -> Result<bool, Trouble> {
        let wanted = [("role", role.role.as_str()), ("username", &role.user)];
        self.has("/v3/auth/role/list", &wanted).await
    }

    /// Whether a role may do this already.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn has_permission(&self, permission: &Permission) -> Result<bool, Trouble> {
        let Permission { role, resource, action } = permission;
        let wanted = [("role", role.as_str()), ("resource", resource), ("action", action)];
        self.has("/v3/auth/permission/list", &wanted).await
    }

    /// Makes a user.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn add_user(&self, name: &str, password: &str) -> Result<(), Trouble> {
        let parameters = [("username", name), ("password", password)];
        self.send(Method::POST, "/v3/auth/user", &parameters).await
    }

    /// Gives a user a role.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn add_role(&self, role: &Role) -> Result<(), Trouble> {
        let parameters = [("role", role.role.as_str()), ("username", &role.user)];
        self.send(Method::POST, "/v3/auth/role", &parameters).await
    }

    /// Lets a role do something.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn add_permission(&self, permission: &Permission) -> Result<(), Trouble> {
        let Permission { role, resource, action } = permission;
        let parameters = [("role", role.as_str()), ("resource", resource), ("action", action)];
        self.send(Method::POST, "/v3/auth/permission", &parameters).await
    }

    /// Whether a list has an entry with all of these fields, by the first of which it is searched.
    async fn has(&self, path: &str, wanted: &[(&str, &str)]) -> Result<bool, Trouble> {
        let paging = [("search", "accurate"), ("pageNo", "1"), ("pageSize", "500")];
        let parameters = [&wanted[..1], &paging].concat();
        let found = self.client.try_get(path, &parameters).await?.decoded()?;
        let mut entries = found["pageItems"].as_array().into_iter().flatten();
        Ok(entries.any(|entry| wanted.iter().all(|(name, value)| entry[*name] == *value)))
    }

    async fn publish_with(
        &self,
        id: &ConfigId,
        own: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Result<(), Trouble> {
        let said = own.iter().filter(|(name, value)| *name == "content" || !value.is_empty());
        let mut parameters = config_parameters(id).to_vec();
        parameters.extend(said);
        let path = "/v3/admin/cs/config";
        self.client.send(Method::POST, path, &parameters, headers).await.map(drop)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Result<(), Trouble> {
        self.client.send(method, path, parameters, &[]).await.map(drop)
    }
}

fn service_parameters(id: &ServiceId) -> [(&str, &str); 3] {
    [("namespaceId", &id.namespace), ("groupName", &id.group), ("serviceName", &id.name)]
}

fn config_parameters(id: &ConfigId) -> [(&str, &str); 3] {
    [("namespaceId", &id.namespace), ("groupName", &id.group), ("dataId", &id.data_id)]
}
