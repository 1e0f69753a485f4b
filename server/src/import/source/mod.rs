//! Reads a running Nacos through the interfaces that it has: v3 of the newer ones, v1 of the older.

mod page;
mod read;

use std::cell::RefCell;
use std::collections::HashMap;

use serde_json::Value as Json;

use super::client::{Answer, Client, Parameters, Trouble};
use super::model::{
    Config, ConfigId, Gray, Instance, Namespace, PUBLIC, Permission, Role, Service, ServiceId,
    Version,
};
use crate::exit::Exit;
use page::Page;

/// Entries asked for at once.
const PAGE_SIZE: usize = 200;
/// Configurations asked for at once: older servers put their content into the list.
const CONFIG_PAGE_SIZE: usize = 50;
/// Pages of one list; a server that never ends one must not keep the import for ever.
const PAGES_MAX: usize = 100_000;

/// The server that is copied.
pub(super) struct Source {
    client: Client,
    /// What each part of the interface turned out to be.
    interfaces: RefCell<HashMap<Part, Interface>>,
}

/// Parts of the interface: a server may have one in v3 and another in v1 only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Namespaces,
    Naming,
    Configuration,
    History,
    Users,
    Roles,
    Permissions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interface {
    V3,
    V1,
}

/// The same question in both interfaces.
struct Question<'a> {
    v3: (&'a str, Parameters<'a>),
    v1: (&'a str, Parameters<'a>),
}

/// A question whose answer comes in pages.
struct List<'a> {
    question: Question<'a>,
    page_size: usize,
}

/// A configuration in a list.
pub(super) struct Listed {
    pub(super) id: ConfigId,
    /// Empty where the list does not tell it.
    pub(super) md5: String,
}

impl Source {
    pub(super) fn new(client: Client) -> Self {
        Self { client, interfaces: RefCell::default() }
    }

    /// Signs in and gives the server's version in words.
    ///
    /// # Errors
    /// When it cannot be reached, or does not accept the sign-in.
    pub(super) async fn open(&self) -> Result<String, Trouble> {
        self.client.sign_in().await?;
        for path in ["/v3/admin/core/state", "/v1/console/server/state"] {
            let answer = self.client.try_get(path, &[]).await?;
            if let Ok(state) = answer.decoded()
                && let Some(version) = state["version"].as_str()
            {
                return Ok(format!("Nacos {version}"));
            }
        }
        Ok("Nacos of an unknown version".to_owned())
    }

    /// All namespaces, the public one among them.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn namespaces(&self) -> Result<Vec<Namespace>, Trouble> {
        let question = Question {
            v3: ("/v3/admin/core/namespace/list", &[]),
            v1: ("/v1/console/namespaces", &[]),
        };
        let answer = self.ask(Part::Namespaces, &question).await?;
        Ok(answer.as_array().into_iter().flatten().map(read::namespace).collect())
    }

    /// The services of a namespace, also those without instances.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn services(&self, namespace: &str) -> Result<Vec<ServiceId>, Trouble> {
        let without = ("withInstances", "false");
        let question = Question {
            v3: (
                "/v3/admin/ns/service/list",
                &[("namespaceId", namespace), without, ("ignoreEmptyService", "false")],
            ),
            v1: (
                "/v1/ns/catalog/services",
                &[("namespaceId", namespace), without, ("hasIpCount", "false")],
            ),
        };
        let list = List { question, page_size: PAGE_SIZE };
        self.pages(Part::Naming, &list, |entry| read::service_id(namespace, entry)).await
    }

    /// One service with its clusters.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn service(&self, id: &ServiceId) -> Result<Service, Trouble> {
        let parameters = service_parameters(id);
        let question = Question {
            v3: ("/v3/admin/ns/service", &parameters),
            v1: ("/v1/ns/catalog/service", &parameters),
        };
        let answer = self.ask(Part::Naming, &question).await?;
        let mut service = read::service(id, &answer);
        if service.is_ephemeral.is_none() {
            // Only v2 tells, where a server has it.
            let told = self.client.try_get("/v2/ns/service", &parameters).await?.decoded();
            service.is_ephemeral = told.ok().and_then(|told| told["ephemeral"].as_bool());
        }
        Ok(service)
    }

    /// All instances of a service, cluster by cluster: neither interface lists them all at once.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn instances(&self, service: &Service) -> Result<Vec<Instance>, Trouble> {
        let parameters = service_parameters(&service.id);
        let mut found = Vec::new();
        for cluster in &service.clusters {
            let own = [parameters.as_slice(), &[("clusterName", cluster.name.as_str())]].concat();
            let question = Question {
                v3: ("/v3/admin/ns/instance/list", &own),
                v1: ("/v1/ns/catalog/instances", &own),
            };
            let list = List { question, page_size: PAGE_SIZE };
            found.extend(self.pages(Part::Naming, &list, read::instance).await?);
        }
        Ok(found)
    }

    /// The configurations of a namespace.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn configs(&self, namespace: &str) -> Result<Vec<Listed>, Trouble> {
        let all = [("search", "blur"), ("dataId", "")];
        let v3 = [all.as_slice(), &[("groupName", ""), ("namespaceId", namespace)]].concat();
        let v1 = [all.as_slice(), &[("group", ""), ("tenant", old_namespace(namespace))]].concat();
        let question =
            Question { v3: ("/v3/admin/cs/config/list", &v3), v1: ("/v1/cs/configs", &v1) };
        let list = List { question, page_size: CONFIG_PAGE_SIZE };
        let listed = |entry: &Json| Listed {
            id: read::config_id(namespace, entry),
            md5: read::listed_md5(entry),
        };
        self.pages(Part::Configuration, &list, listed).await
    }

    /// One configuration; `None` when it is gone by now.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn config(&self, id: &ConfigId) -> Result<Option<Config>, Trouble> {
        let (v3, v1) = config_parameters(id);
        let mut all = v1.to_vec();
        all.push(("show", "all"));
        let question = Question { v3: ("/v3/admin/cs/config", &v3), v1: ("/v1/cs/configs", &all) };
        let answer = self.ask(Part::Configuration, &question).await;
        Ok(present(answer)?.and_then(|answer| read::config(id, &answer)))
    }

    /// The version for some addresses only, if there is one.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn beta(&self, id: &ConfigId) -> Result<Option<Gray>, Trouble> {
        let (v3, v1) = config_parameters(id);
        let mut beta = v1.to_vec();
        beta.push(("beta", "true"));
        let question =
            Question { v3: ("/v3/admin/cs/config/beta", &v3), v1: ("/v1/cs/configs", &beta) };
        match self.ask(Part::Configuration, &question).await {
            Ok(answer) => Ok(read::beta(&answer)),
            // Servers answer this question about a configuration without one as they like.
            Err(Trouble::Item { .. }) => Ok(None),
            Err(stop) => Err(stop),
        }
    }

    /// What a configuration was, oldest first; `None` when the server does not tell.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub(super) async fn versions(&self, id: &ConfigId) -> Result<Option<Vec<Version>>, Trouble> {
        let (v3, v1) = config_parameters(id);
        let old = [v1.as_slice(), &[("search", "accurate")]].concat();
        let question =
            Question { v3: ("/v3/admin/cs/history/list", &v3), v1: ("/v1/cs/history", &old) };
        let list = List { question, page_size: PAGE_SIZE };
        let mut rows = match self.pages(Part::History, &list, read::history_row).await {
            Ok(rows) => rows,
            Err(Trouble::Item { .. }) => return Ok(None),
            Err(stop) => return Err(stop),
        };
        rows.retain(|row| row.is_formal);
        // Lists begin with the newest.
        rows.reverse();
        let mut versions = Vec::new();
        for row in rows {
            let [nid_v3, nid_v1] =
                [&v3, &v1].map(|common| [common.as_slice(), &[("nid", row.id.as_str())]].concat());
            let question =
                Question { v3: ("/v3/admin/cs/history", &nid_v3), v1: ("/v1/cs/history", &nid_v1) };
            let answer = self.ask(Part::History, &question).await;
            versions.extend(present(answer)?.as_ref().and_then(read::version));
        }
        Ok(Some(versions))
    }

    /// The names of all users; `None` when the server does not tell.
    ///
    /// # Errors
    /// Only [`Trouble::Stop`].
    pub(super) async fn users(&self) -> Result<Option<Vec<String>>, Trouble> {
        let paths = ["/v3/auth/user/list", "/v1/auth/users"];
        self.accounts(Part::Users, paths, |entry| read::text(entry, &["username"])).await
    }

    /// Who has which role; `None` when the server does not tell.
    ///
    /// # Errors
    /// Only [`Trouble::Stop`].
    pub(super) async fn roles(&self) -> Result<Option<Vec<Role>>, Trouble> {
        self.accounts(Part::Roles, ["/v3/auth/role/list", "/v1/auth/roles"], read::role).await
    }

    /// What the roles may do; `None` when the server does not tell.
    ///
    /// # Errors
    /// Only [`Trouble::Stop`].
    pub(super) async fn permissions(&self) -> Result<Option<Vec<Permission>>, Trouble> {
        let paths = ["/v3/auth/permission/list", "/v1/auth/permissions"];
        self.accounts(Part::Permissions, paths, read::permission).await
    }

    async fn accounts<T>(
        &self,
        part: Part,
        [v3, v1]: [&str; 2],
        read: impl Fn(&Json) -> T,
    ) -> Result<Option<Vec<T>>, Trouble> {
        let all = [("search", "accurate")];
        let question = Question { v3: (v3, &all), v1: (v1, &all) };
        let list = List { question, page_size: PAGE_SIZE };
        match self.pages(part, &list, read).await {
            Ok(entries) => Ok(Some(entries)),
            Err(Trouble::Item { .. }) => Ok(None),
            // Only administrators are told of users; all the rest may be copied without.
            Err(Trouble::Stop(failure)) if failure.exit() == Exit::Refused => Ok(None),
            Err(stop) => Err(stop),
        }
    }

    /// All entries of a list, each read at once: a page may hold many large contents.
    async fn pages<T>(
        &self,
        part: Part,
        list: &List<'_>,
        read: impl Fn(&Json) -> T,
    ) -> Result<Vec<T>, Trouble> {
        let size = list.page_size.to_string();
        let mut entries = Vec::new();
        for no in 1..=PAGES_MAX {
            let no = no.to_string();
            let paging = [("pageNo", no.as_str()), ("pageSize", size.as_str())];
            let [v3, v1] =
                [list.question.v3, list.question.v1].map(|(_, own)| [own, &paging].concat());
            let question =
                Question { v3: (list.question.v3.0, &v3), v1: (list.question.v1.0, &v1) };
            let page = Page::of(&self.ask(part, &question).await?);
            let count = page.entries.len();
            entries.extend(page.entries.iter().map(&read));
            let is_last = page.total.map_or(count < list.page_size, |total| entries.len() >= total);
            if count == 0 || is_last {
                break;
            }
        }
        Ok(entries)
    }

    /// Asks by the interface that this part is known to have; finds that out the first time.
    async fn ask(&self, part: Part, question: &Question<'_>) -> Result<Json, Trouble> {
        match self.interface(part) {
            Some(Interface::V3) => self.get(question.v3).await?.decoded(),
            Some(Interface::V1) => self.get(question.v1).await?.decoded(),
            None => {
                let newest = self.get(question.v3).await?;
                let (interface, answer) = if newest.is_absent() {
                    (Interface::V1, self.get(question.v1).await?)
                } else {
                    (Interface::V3, newest)
                };
                let decoded = answer.decoded()?;
                self.interfaces.borrow_mut().insert(part, interface);
                Ok(decoded)
            }
        }
    }

    async fn get(&self, (path, parameters): (&str, Parameters<'_>)) -> Result<Answer, Trouble> {
        self.client.try_get(path, parameters).await
    }

    fn interface(&self, part: Part) -> Option<Interface> {
        self.interfaces.borrow().get(&part).copied()
    }
}

/// `None` for what the server does not have any more.
fn present(answer: Result<Json, Trouble>) -> Result<Option<Json>, Trouble> {
    match answer {
        Ok(json) => Ok(Some(json)),
        Err(Trouble::Item { status: 404, .. }) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

/// Older servers keep the configurations of the public namespace under the empty name.
fn old_namespace(namespace: &str) -> &str {
    if namespace == PUBLIC { "" } else { namespace }
}

fn service_parameters(id: &ServiceId) -> Key<'_> {
    [("namespaceId", &id.namespace), ("groupName", &id.group), ("serviceName", &id.name)]
}

/// What names a service or a configuration.
type Key<'a> = [(&'a str, &'a str); 3];

/// Of v3 and of v1.
fn config_parameters(id: &ConfigId) -> (Key<'_>, Key<'_>) {
    let v3 =
        [("namespaceId", id.namespace.as_str()), ("groupName", &id.group), ("dataId", &id.data_id)];
    let v1 =
        [("tenant", old_namespace(&id.namespace)), ("group", &id.group), ("dataId", &id.data_id)];
    (v3, v1)
}
