//! Who is told of a service's changes, and how its parts are checked.

use askama::Template;

use crate::clients::{Cluster, Subscriber};
use crate::limits::CLIENTS_MAX;
use crate::view::View;

#[derive(Template)]
#[template(path = "service_subscribers.html")]
pub(super) struct Subscribers<'a> {
    v: &'a View,
    rows: Vec<Subscriber>,
    total: usize,
    hidden: usize,
}

#[derive(Template)]
#[template(path = "service_clusters.html")]
pub(super) struct Clusters<'a> {
    pub(super) v: &'a View,
    pub(super) clusters: &'a [Cluster],
}

pub(super) fn subscribers(view: &View, mut rows: Vec<Subscriber>) -> Subscribers<'_> {
    let total = rows.len();
    rows.sort_by(|one, two| one.address.cmp(&two.address));
    rows.truncate(CLIENTS_MAX);
    Subscribers { v: view, total, hidden: total - rows.len(), rows }
}
