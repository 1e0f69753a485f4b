//! From the parts' errors to exit codes: the words are theirs.

use std::error::Error;
use std::io;

use rialto_door::BindError;
use rialto_engine::OpenError;
use rialto_gateway::StartError;

use crate::exit::{Exit, Failure};

/// The catalog's data cannot be opened.
pub(crate) fn open(error: &OpenError) -> Failure {
    let exit = match error {
        OpenError::InUse { .. } => Exit::DataInUse,
        OpenError::DiskFull { .. } => Exit::DiskFull,
        OpenError::OtherVersion { .. }
        | OpenError::Unreadable { .. }
        | OpenError::Damaged { .. } => Exit::Data,
    };
    Failure::caused(exit, error)
}

/// A door cannot listen.
pub(crate) fn listen(error: &BindError) -> Failure {
    Failure::caused(Exit::Listen, error)
}

/// The Eureka door cannot start.
pub(crate) fn eureka(error: &rialto_eureka::StartError) -> Failure {
    let exit = match error {
        rialto_eureka::StartError::Bind(_) => Exit::Listen,
        rialto_eureka::StartError::OpenToOthers(_) => Exit::Configuration,
        _ => Exit::Failed,
    };
    Failure::caused(exit, error)
}

/// The Nacos door cannot start.
pub(crate) fn nacos(error: &rialto_nacos::StartError) -> Failure {
    let exit = match error {
        rialto_nacos::StartError::Bind(_)
        | rialto_nacos::StartError::GrpcInUse { .. }
        | rialto_nacos::StartError::NoGrpcPort(_) => Exit::Listen,
        rialto_nacos::StartError::OpenToOthers(_) => Exit::Configuration,
        _ => Exit::Failed,
    };
    Failure::caused(exit, error)
}

/// The gateway cannot start.
pub(crate) fn gateway(error: &StartError) -> Failure {
    let exit = match error {
        StartError::Bind(_) => Exit::Listen,
        StartError::Route(_) => Exit::Configuration,
        StartError::AccessLog { .. } if is_disk_full(error) => Exit::DiskFull,
        StartError::AccessLog { .. } => Exit::Configuration,
        StartError::System(_) => Exit::Failed,
    };
    Failure::caused(exit, error)
}

/// The credentials in the data folder cannot be used.
pub(crate) fn security(error: &(dyn Error + 'static)) -> Failure {
    let exit = if is_disk_full(error) { Exit::DiskFull } else { Exit::Data };
    Failure::caused(exit, error)
}

/// A file cannot be read or written.
pub(crate) fn io(what: &str, error: &io::Error) -> Failure {
    let exit = if is_disk_full(error) { Exit::DiskFull } else { Exit::Failed };
    Failure::new(exit, format!("{what}: {error}"))
}

fn is_disk_full(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let full = |kind| matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        if error.downcast_ref::<io::Error>().is_some_and(|error| full(error.kind())) {
            return true;
        }
        next = error.source();
    }
    false
}
