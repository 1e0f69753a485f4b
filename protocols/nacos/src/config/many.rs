//! Calls about many configurations at once: by identifier, and copies.

use std::sync::Arc;

use rialto_configuration::limits::MANY_MAX;
use rialto_configuration::{
    Command, ConfigKey, Entry, ImportItem, ImportOutcome, ImportPolicy, Origin, Outcome,
    PublishMeta,
};

use super::{Configs, refusal};
use crate::{Code, Problem};

/// One configuration to copy.
#[derive(Debug, Clone, Copy)]
pub struct CloneItem<'a> {
    /// Its identifier.
    pub id: u64,
    /// The copy's group; blank keeps it.
    pub group: &'a str,
    /// The copy's dataId; blank keeps it.
    pub data_id: &'a str,
}

/// Configurations to copy into a namespace.
#[derive(Debug, Clone, Copy)]
pub struct CloneForm<'a> {
    /// Where to; blank is `public`.
    pub namespace: &'a str,
    /// What.
    pub items: &'a [CloneItem<'a>],
    /// What to do about those that are there.
    pub policy: ImportPolicy,
    /// Who asks.
    pub user: &'a str,
    /// From where.
    pub ip: &'a str,
}

impl Configs {
    /// Configurations by their identifiers; those that are not there are left out.
    ///
    /// # Errors
    /// When there are more than [`MANY_MAX`].
    pub fn by_ids(&self, ids: &[u64]) -> Result<Vec<Arc<Entry>>, Problem> {
        check_many(ids.len())?;
        Ok(ids.iter().filter_map(|id| self.shared.configurations.by_id(*id)).collect())
    }

    /// Removes configurations, each with all its versions. Whether their caller may is for the
    /// transport to ask before, by [`Configs::by_ids`].
    ///
    /// # Errors
    /// When there are too many, or it could not be stored; then all are there.
    pub fn remove_many(
        &self,
        keys: Vec<ConfigKey>,
        user: &str,
        ip: &str,
    ) -> impl Future<Output = Result<usize, Problem>> + Send + 'static + use<> {
        let origin = Origin { user: user.to_owned(), ip: ip.to_owned() };
        let configurations = self.shared.configurations.clone();
        async move {
            match configurations.propose(Command::RemoveMany { keys, origin }).await {
                Ok(Outcome::RemovedMany { count }) => Ok(count),
                Ok(_) => Ok(0),
                Err(error) => Err(refusal::of_publish(&error)),
            }
        }
    }

    /// Copies configurations into a namespace. Whether their caller may is for the transport to ask
    /// before.
    ///
    /// # Errors
    /// When nothing is named, a name is wrong, or it could not be stored.
    pub fn copy(
        &self,
        form: &CloneForm<'_>,
    ) -> impl Future<Output = Result<ImportOutcome, Problem>> + Send + 'static + use<> {
        let items = self.copies(form);
        let origin = Origin { user: form.user.to_owned(), ip: form.ip.to_owned() };
        let (policy, configurations) = (form.policy, self.shared.configurations.clone());
        async move {
            let imported = configurations.import(items?, policy, origin).await;
            imported.map_err(|error| refusal::of_publish(&error))
        }
    }

    fn copies(&self, form: &CloneForm<'_>) -> Result<Vec<ImportItem>, Problem> {
        check_many(form.items.len())?;
        let mut copies = Vec::with_capacity(form.items.len());
        for item in form.items {
            let Some(entry) = self.shared.configurations.by_id(item.id) else { continue };
            let or = |text: &'_ str, held: &str| {
                if text.trim().is_empty() { held.to_owned() } else { text.to_owned() }
            };
            let group = or(item.group, entry.key.group());
            let data_id = or(item.data_id, entry.key.data_id());
            let key = ConfigKey::new(form.namespace, &group, &data_id)
                .map_err(|refused| refusal::of_refused(&refused))?;
            copies.extend(item_of(&entry, key));
        }
        if copies.is_empty() {
            let message = "no configuration was selected";
            return Err(Problem::new(400, Code::NothingSelected, message));
        }
        Ok(copies)
    }
}

/// What an entry is when it is brought in under a name; nothing when it has no formal version.
pub(super) fn item_of(entry: &Entry, key: ConfigKey) -> Option<ImportItem> {
    let formal = entry.formal.as_ref()?;
    let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Some(ImportItem {
        key,
        content: formal.effective.content.clone(),
        kind: Some(formal.effective.kind),
        meta: PublishMeta {
            app_name: said(&formal.meta.app_name),
            tags: said(&formal.meta.tags),
            desc: said(&formal.meta.desc),
            used_for: said(&formal.meta.used_for),
            effect: said(&formal.meta.effect),
            schema: said(&formal.meta.schema),
        },
        encrypted_data_key: formal.effective.encrypted_data_key.to_string(),
        secret: formal.secret,
    })
}

fn check_many(count: usize) -> Result<(), Problem> {
    if count <= MANY_MAX {
        return Ok(());
    }
    let message = format!("{count} configurations are named; name at most {MANY_MAX} at once");
    Err(Problem::new(400, Code::ParameterInvalid, message))
}
