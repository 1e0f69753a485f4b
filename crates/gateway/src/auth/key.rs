//! API keys, known by their SHA-256 only.

use std::collections::HashMap;
use std::rc::Rc;

use rialto_api::route::ApiKeySpec;
use rialto_http1::Fields;
use ring::digest;

use super::{Denied, Identity};
use crate::table::edits::check_name;

/// Keys and their owners.
#[derive(Debug, Clone)]
pub(super) struct ApiKeys {
    header: Box<str>,
    /// By digest: finding one tells nothing about a key, since digests cannot be aimed.
    owners: HashMap<[u8; 32], Box<str>, ahash::RandomState>,
}

impl ApiKeys {
    pub(super) fn compile(spec: &ApiKeySpec) -> Result<Self, String> {
        check_name(&spec.header, true)?;
        let mut owners = HashMap::default();
        for (owner, text) in &spec.keys_sha256 {
            let digest = decode(text).ok_or_else(|| {
                format!(
                    "api_key: the key of {owner:?} must be 64 hexadecimal digits: printf %s KEY | \
                     sha256sum"
                )
            })?;
            owners.insert(digest, owner.as_str().into());
        }
        Ok(Self { header: spec.header.as_str().into(), owners })
    }

    pub(super) fn is_header(&self, name: &str) -> bool {
        self.header.eq_ignore_ascii_case(name)
    }

    pub(super) fn check(&self, fields: &Fields<'_, '_>) -> Result<Rc<Identity>, Denied> {
        let key = fields.get(&self.header).ok_or(Denied("an API key is needed"))?;
        let hash = digest::digest(&digest::SHA256, key);
        let owner = <[u8; 32]>::try_from(hash.as_ref())
            .ok()
            .and_then(|digest| self.owners.get(&digest))
            .ok_or(Denied("the API key is not known"))?;
        Ok(Rc::new(Identity { principal: owner.clone(), lines: Vec::new() }))
    }
}

fn decode(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, slot) in digest.iter_mut().enumerate() {
        *slot = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(digest)
}
