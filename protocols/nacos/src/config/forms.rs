//! What calls say, as text from either transport.

use rialto_configuration::limits::{CONTENT_BYTES_MAX, TYPE_CHARS_MAX};
use rialto_configuration::{
    ConfigKey, Content, KeyRef, Kind, Labels, Origin, Publish, PublishMeta, Refused, Remove, Target,
};

use super::refusal;
use crate::Problem;
use crate::naming::ConnectionId;

/// What is to be published. Blank texts were not said.
#[derive(Debug, Clone, Copy, Default)]
pub struct PublishForm<'a> {
    /// Namespace; blank is `public`.
    pub namespace: &'a str,
    /// Group.
    pub group: &'a str,
    /// DataId.
    pub data_id: &'a str,
    /// The text.
    pub content: &'a str,
    /// Publishes only the version for this tag.
    pub tag: &'a str,
    /// Publishes only the version for these addresses, separated by commas.
    pub beta_ips: &'a str,
    /// The digest that must be published now.
    pub cas_md5: &'a str,
    /// The type.
    pub kind: &'a str,
    /// The application's name.
    pub app_name: &'a str,
    /// Tags, separated by commas; absent leaves them.
    pub config_tags: Option<&'a str>,
    /// Description.
    pub desc: &'a str,
    /// What it is for.
    pub used_for: &'a str,
    /// What it does.
    pub effect: &'a str,
    /// A schema of the text.
    pub schema: &'a str,
    /// The key that an encrypted text comes with.
    pub encrypted_data_key: &'a str,
    /// Whether it is kept encrypted on disk; absent leaves it as it is.
    pub secret: Option<bool>,
    /// Who asks.
    pub user: &'a str,
    /// From where.
    pub ip: &'a str,
}

/// What is to be removed.
#[derive(Debug, Clone, Copy, Default)]
pub struct RemoveForm<'a> {
    /// Namespace; blank is `public`.
    pub namespace: &'a str,
    /// Group.
    pub group: &'a str,
    /// DataId.
    pub data_id: &'a str,
    /// Removes only the version for this tag.
    pub tag: &'a str,
    /// Removes only the version for listed addresses.
    pub beta: bool,
    /// Who asks.
    pub user: &'a str,
    /// From where.
    pub ip: &'a str,
}

/// Who listens over a connection.
#[derive(Debug, Clone, Copy)]
pub struct Listener<'a> {
    /// The connection.
    pub connection: ConnectionId,
    /// What decides about gray versions.
    pub labels: Labels<'a>,
}

/// One thing that is listened to, as the client says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenItem<'a> {
    /// DataId.
    pub data_id: &'a str,
    /// Group.
    pub group: &'a str,
    /// Namespace; may be blank, and then is in everything that is told to the client.
    pub tenant: &'a str,
    /// Digest of what the client has; empty when it has nothing.
    pub md5: &'a str,
}

impl PublishForm<'_> {
    pub(super) fn read(&self) -> Result<Publish, Problem> {
        self.try_read().map_err(|refused| refusal::of_refused(&refused))
    }

    fn try_read(&self) -> Result<Publish, Refused> {
        let key = ConfigKey::new(self.namespace, self.group, self.data_id)?;
        if self.content.len() > CONTENT_BYTES_MAX {
            // Before it is copied and its digest computed.
            return Err(Refused::TooLong { what: "content", max: CONTENT_BYTES_MAX });
        }
        if self.kind.chars().count() > TYPE_CHARS_MAX {
            return Err(Refused::TooLong { what: "type", max: TYPE_CHARS_MAX });
        }
        Ok(Publish {
            key,
            content: Content::new(self.content),
            target: target(self.tag, (!self.beta_ips.trim().is_empty()).then_some(self.beta_ips)),
            cas: self.cas_md5.to_owned(),
            kind: said(self.kind).map(|kind| Kind::parse(&kind)),
            meta: PublishMeta {
                app_name: said(self.app_name),
                tags: self.config_tags.map(str::to_owned),
                desc: said(self.desc),
                used_for: said(self.used_for),
                effect: said(self.effect),
                schema: said(self.schema),
            },
            encrypted_data_key: self.encrypted_data_key.to_owned(),
            secret: self.secret,
            origin: Origin { user: self.user.to_owned(), ip: self.ip.to_owned() },
        })
    }
}

impl RemoveForm<'_> {
    pub(super) fn read(&self) -> Result<Remove, Problem> {
        let key = ConfigKey::new(self.namespace, self.group, self.data_id);
        Ok(Remove {
            key: key.map_err(|refused| refusal::of_refused(&refused))?,
            target: target(self.tag, self.beta.then_some("")),
            origin: Origin { user: self.user.to_owned(), ip: self.ip.to_owned() },
        })
    }
}

impl<'a> ListenItem<'a> {
    /// What it is called.
    #[must_use]
    pub fn key(&self) -> KeyRef<'a> {
        KeyRef::new(self.tenant, self.group, self.data_id)
    }
}

/// Addresses win over a tag, as in the real server.
fn target(tag: &str, beta_ips: Option<&str>) -> Target {
    match beta_ips {
        Some(ips) => Target::Beta { ips: ips.to_owned() },
        None if tag.trim().is_empty() => Target::Formal,
        None => Target::Tag(tag.to_owned()),
    }
}

fn said(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.to_owned())
}
