//! Limits of every field of a publish.

use crate::command::{Meta, Origin, Publish, PublishMeta, Target};
use crate::import::ImportItem;
use crate::limits::{
    APP_NAME_CHARS_MAX, BETA_IPS_MAX, CONFIG_TAG_CHARS_MAX, CONFIG_TAGS_MAX, CONTENT_BYTES_MAX,
    DESC_CHARS_MAX, EFFECT_CHARS_MAX, ENCRYPTED_DATA_KEY_BYTES_MAX, IP_CHARS_MAX, SCHEMA_CHARS_MAX,
    TAG_CHARS_MAX, USE_CHARS_MAX, USER_CHARS_MAX,
};
use crate::refused::Refused;

impl Publish {
    /// Checks every field but the key, which cannot be wrong.
    pub(crate) fn check(&self) -> Result<(), Refused> {
        if self.content.text().trim().is_empty() {
            return Err(Refused::Missing { what: "content" });
        }
        if self.content.bytes().len() > CONTENT_BYTES_MAX {
            return Err(Refused::TooLong { what: "content", max: CONTENT_BYTES_MAX });
        }
        if self.encrypted_data_key.len() > ENCRYPTED_DATA_KEY_BYTES_MAX {
            let (what, max) = ("encryptedDataKey", ENCRYPTED_DATA_KEY_BYTES_MAX);
            return Err(Refused::TooLong { what, max });
        }
        self.target.check()?;
        self.meta.check()?;
        self.origin.check()
    }
}

impl Target {
    fn check(&self) -> Result<(), Refused> {
        match self {
            Self::Formal => Ok(()),
            Self::Beta { ips } => {
                let mut count = 0;
                for ip in ips.split(',') {
                    count += 1;
                    let ip = ip.trim();
                    if ip.is_empty() {
                        return Err(Refused::Missing { what: "betaIps" });
                    }
                    let legal = |one: u8| one.is_ascii_hexdigit() || matches!(one, b'.' | b':');
                    if ip.len() > IP_CHARS_MAX || !ip.bytes().all(legal) {
                        return Err(Refused::Characters { what: "betaIps" });
                    }
                }
                match count > BETA_IPS_MAX {
                    true => Err(Refused::TooMany { what: "betaIps", max: BETA_IPS_MAX }),
                    false => Ok(()),
                }
            }
            Self::Tag(tag) => {
                if tag.trim().is_empty() {
                    return Err(Refused::Missing { what: "tag" });
                }
                let legal = |one: u8| {
                    one.is_ascii_alphanumeric() || matches!(one, b'_' | b'-' | b'.' | b':')
                };
                if !tag.bytes().all(legal) {
                    return Err(Refused::Characters { what: "tag" });
                }
                short("tag", tag, TAG_CHARS_MAX)
            }
        }
    }
}

impl PublishMeta {
    /// What is known after this was said on top of what was known.
    pub(crate) fn over(self, held: Meta) -> Meta {
        Meta {
            app_name: self.app_name.unwrap_or(held.app_name),
            tags: self.tags.unwrap_or(held.tags),
            desc: self.desc.unwrap_or_default(),
            used_for: self.used_for.unwrap_or_default(),
            effect: self.effect.unwrap_or_default(),
            schema: self.schema.unwrap_or_default(),
        }
    }

    fn check(&self) -> Result<(), Refused> {
        for (what, text, chars_max) in [
            ("appName", &self.app_name, APP_NAME_CHARS_MAX),
            ("desc", &self.desc, DESC_CHARS_MAX),
            ("use", &self.used_for, USE_CHARS_MAX),
            ("effect", &self.effect, EFFECT_CHARS_MAX),
            ("schema", &self.schema, SCHEMA_CHARS_MAX),
        ] {
            short(what, text.as_deref().unwrap_or_default(), chars_max)?;
        }
        let tags = self.tags.as_deref().unwrap_or_default();
        if tags.split(',').count() > CONFIG_TAGS_MAX {
            return Err(Refused::TooMany { what: "config_tags", max: CONFIG_TAGS_MAX });
        }
        tags.split(',').try_for_each(|tag| short("config_tags", tag, CONFIG_TAG_CHARS_MAX))
    }
}

impl Origin {
    fn check(&self) -> Result<(), Refused> {
        short("src_user", &self.user, USER_CHARS_MAX)?;
        short("src_ip", &self.ip, IP_CHARS_MAX)
    }
}

impl ImportItem {
    pub(crate) fn into_publish(self, origin: Origin) -> Publish {
        Publish {
            key: self.key,
            content: self.content,
            target: Target::Formal,
            cas: String::new(),
            kind: self.kind,
            meta: self.meta,
            encrypted_data_key: self.encrypted_data_key,
            secret: self.secret.then_some(true),
            origin,
        }
    }
}

fn short(what: &'static str, text: &str, chars_max: usize) -> Result<(), Refused> {
    // Characters are counted only when there are enough bytes for too many of them.
    if text.len() > chars_max && text.chars().count() > chars_max {
        return Err(Refused::TooLong { what, max: chars_max });
    }
    Ok(())
}
