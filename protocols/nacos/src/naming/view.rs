//! A service as its subscribers see it, written once for all of them.

use std::sync::Arc;

use bytes::Bytes;
use rialto_catalog::ServiceKey;

use crate::map::grouped;

/// A service as JSON. Clones share it.
#[derive(Debug, Clone)]
pub struct ServiceView {
    inner: Arc<Written>,
}

#[derive(Debug)]
struct Written {
    bare: Bytes,
    grouped: Bytes,
    hosts: Bytes,
}

impl ServiceView {
    /// `ServiceInfo` with the bare name, as gRPC and v2 carry it.
    #[must_use]
    pub fn bare(&self) -> Bytes {
        self.inner.bare.clone()
    }

    /// `ServiceInfo` with `GROUP@@name` for a name, as v1 carries it.
    #[must_use]
    pub fn grouped(&self) -> Bytes {
        self.inner.grouped.clone()
    }

    /// The array of its instances alone, as v3 carries it.
    #[must_use]
    pub fn hosts(&self) -> Bytes {
        self.inner.hosts.clone()
    }

    pub(crate) fn empty(key: &ServiceKey, _: &str, _: bool) -> Self {
        let (bare, grouped) = (key.name().to_owned().into(), grouped(key).into());
        Self { inner: Arc::new(Written { bare, grouped, hosts: Bytes::from_static(b"[]") }) }
    }
}
