//! Nacos's words and the catalog's: names of services, instances, and what the catalog has no word
//! for.

mod form;
mod key;

pub use form::{BeatForm, InstanceForm};
pub use key::{
    CLUSTER_DEFAULT, GROUP_DEFAULT, GROUP_SEPARATOR, NAMESPACE_DEFAULT, group_of, grouped, key,
    key_of_grouped, namespace_of,
};
