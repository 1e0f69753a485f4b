//! The products that we are measured beside, started the way their users would start them.

mod eureka_server;
mod haproxy;
mod nginx;

pub(crate) use eureka_server::EurekaServer;
pub(crate) use haproxy::haproxy;
pub(crate) use nginx::{Nginx, StaticFile, nginx_files, nginx_proxy, nginx_upstream};
