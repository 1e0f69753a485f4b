//! The products that we are measured beside, started the way their users would start them.

mod eureka_server;
mod haproxy;
mod maven;
mod nacos_server;
mod nginx;
mod r_nacos;

pub(crate) use eureka_server::EurekaServer;
pub(crate) use haproxy::haproxy;
pub(crate) use nacos_server::NacosServer;
pub(crate) use nginx::{Nginx, StaticFile, nginx_files, nginx_proxy, nginx_upstream};
pub(crate) use r_nacos::RNacos;
