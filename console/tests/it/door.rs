//! A door in place of the real ones: what its clients are is set by tests.

use std::sync::Arc;

use parking_lot::Mutex;
use rialto_catalog::ServiceKey;
use rialto_configuration::{ConfigKey, Content, Entry, ImportItem, Kind, PublishMeta};
use rialto_console::{
    Changed, Clients, ImportFile, Importing, InstanceChange, Listener, NotChanged, ServiceFacts,
    Subscriber,
};
use rialto_engine::Configurations;

#[derive(Default)]
pub(crate) struct Door {
    pub(crate) subscribers: Vec<Subscriber>,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) facts: Option<ServiceFacts>,
    pub(crate) changes: Vec<(String, InstanceChange)>,
    pub(crate) configurations: Option<Configurations>,
}

pub(crate) struct Shared(pub(crate) Arc<Mutex<Door>>);

impl Clients for Shared {
    fn subscribers(&self, _: &ServiceKey) -> Vec<Subscriber> {
        self.0.lock().subscribers.clone()
    }

    fn listeners(&self, _: &ConfigKey) -> Vec<Listener> {
        self.0.lock().listeners.clone()
    }

    fn service(&self, _: &ServiceKey) -> Option<ServiceFacts> {
        self.0.lock().facts.clone()
    }

    fn change_instance<'a>(
        &'a self,
        _: &'a ServiceKey,
        id: &'a str,
        change: InstanceChange,
    ) -> Changed<'a> {
        Box::pin(async move {
            if id == "gone" {
                return Err(NotChanged::Gone);
            }
            self.0.lock().changes.push((id.to_owned(), change));
            Ok(())
        })
    }

    /// One line for each: key, tab, content.
    fn pack(&self, entries: &[Arc<Entry>]) -> Result<Vec<u8>, String> {
        let line = |entry: &Arc<Entry>| {
            let formal = entry.formal.as_ref().map_or("", |one| one.effective.content.text());
            format!("{}\t{formal}\n", entry.key)
        };
        Ok(entries.iter().map(line).collect::<String>().into_bytes())
    }

    fn import(&self, file: ImportFile) -> Importing<'_> {
        Box::pin(async move {
            let text = std::str::from_utf8(&file.file).map_err(|error| error.to_string())?;
            let mut items = Vec::new();
            for line in text.lines() {
                items.push(item(&file.namespace, line).ok_or("it is no <zip> file")?);
            }
            let configurations = self.0.lock().configurations.clone().unwrap();
            let done = configurations.import(items, file.policy, file.origin).await;
            done.map(|outcome| (outcome, vec!["<other>".to_owned()])).map_err(|one| one.to_string())
        })
    }
}

fn item(namespace: &str, line: &str) -> Option<ImportItem> {
    let (key, content) = line.split_once('\t')?;
    let mut parts = key.split('/').skip(1);
    Some(ImportItem {
        key: ConfigKey::new(namespace, parts.next()?, parts.next()?).ok()?,
        content: Content::new(content),
        kind: Some(Kind::Text),
        meta: PublishMeta::default(),
        encrypted_data_key: String::new(),
        secret: false,
    })
}
