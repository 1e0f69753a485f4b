//! Nacos's words and the catalog's: names of services, instances, and what the catalog has no word
//! for.

mod check;
mod form;
mod instance;
mod key;
mod overlay;
mod payload;

pub use check::{Fault, check_form, check_names};
pub use form::{BeatForm, InstanceForm};
pub use instance::{
    KEY_DELETE, KEY_GENERATOR, KEY_INTERVAL, KEY_TIMEOUT, Life, Times, cluster_of, id, pairs,
    spec_of, with_health, with_overlay,
};
pub use key::{
    CLUSTER_DEFAULT, GROUP_DEFAULT, GROUP_SEPARATOR, NAMESPACE_DEFAULT, group_of, grouped, key,
    key_of_grouped, namespace_of,
};
pub use overlay::Overlay;
pub use payload::{BEATS, Payload, Said};
