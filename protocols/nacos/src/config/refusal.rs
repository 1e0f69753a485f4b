//! Refusals of the engine in Nacos's codes and, where clients look at them, in its words.

use rialto_configuration::{QuotaKind, Refused};
use rialto_engine::{ProposeError, PublishError, ReadError};

use crate::{Code, Problem};

/// What clients compare: the md5 is not what they said.
const CAS_FAILED: &str = "Cas publish fail, server md5 may have changed.";

pub(super) fn of_publish(error: &PublishError) -> Problem {
    match error {
        ProposeError::Refused(refused) => of_refused(refused),
        ProposeError::Busy => Problem::new(503, Code::DataAccess, error.to_string()),
        ProposeError::DiskFull
        | ProposeError::Unavailable { .. }
        | ProposeError::Indeterminate { .. } => {
            Problem::new(500, Code::DataAccess, error.to_string())
        }
    }
}

pub(super) fn of_read(error: &ReadError) -> Problem {
    Problem::new(500, Code::DataAccess, error.to_string())
}

pub(super) fn of_refused(refused: &Refused) -> Problem {
    match refused {
        Refused::Missing { what } => Problem::new(
            400,
            Code::ParameterMissing,
            format!("Required parameter '{}' type String is not present", shown(what)),
        ),
        Refused::Characters { what } => Problem::new(
            400,
            Code::ParameterInvalid,
            format!(
                "Param '{}' is illegal, illegal characters should not appear in the param.",
                shown(what)
            ),
        ),
        Refused::TooLong { what, max } => Problem::new(
            400,
            Code::ParameterInvalid,
            format!(
                "Param '{}' is illegal, the param length should not exceed {max}.",
                shown(what)
            ),
        ),
        Refused::TooMany { .. } => Problem::new(400, Code::ParameterInvalid, refused.to_string()),
        Refused::Conflict => Problem::new(500, Code::Conflict, CAS_FAILED),
        Refused::GraysTooMany { max } => Problem::new(
            400,
            Code::GrayTooMany,
            format!("gray config version is over max count: {max}"),
        ),
        Refused::Quota { kind, .. } => {
            let code = match kind {
                QuotaKind::Cluster => Code::Quota,
                QuotaKind::Group => Code::GroupQuota,
                QuotaKind::Namespace => Code::NamespaceQuota,
                QuotaKind::Size => Code::SizeQuota,
            };
            Problem::new(429, code, refused.to_string())
        }
        Refused::NotFound { what } => super::not_found(what),
    }
}

/// The real server's name for a field in its complaints.
fn shown(what: &str) -> &str {
    if what == "namespaceId" { "namespaceId/tenant" } else { what }
}
