//! The two sets of rules that clients depend on most: what a registration must say, and which
//! status an instance has in the end.

use rialto_catalog::Status;

use crate::codec::InstanceInfo;

/// A registration that lacks something. Display is the body of the 400, word for word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Neither an id nor a host name.
    #[error("Missing instanceId")]
    Id,
    /// No host name.
    #[error("Missing hostname")]
    HostName,
    /// No address.
    #[error("Missing ip address")]
    IpAddr,
    /// No application.
    #[error("Missing appName")]
    App,
    /// Another application than the one that was called.
    #[error("Mismatched appName, expecting {expected} but was {given}")]
    OtherApp {
        /// The one in the path, upper case.
        expected: String,
        /// The one in the body, upper case.
        given: String,
    },
    /// No data centre.
    #[error("Missing dataCenterInfo")]
    DataCenter,
    /// A data centre without a name.
    #[error("Missing dataCenterInfo Name")]
    DataCenterName,
}

/// Checks a registration at the application `app`, in the order of `ApplicationResource`.
///
/// # Errors
/// The first thing that is missing.
pub fn validate(app: &str, info: &InstanceInfo) -> Result<(), Refusal> {
    let missing = |value: &Option<String>| value.as_ref().is_none_or(String::is_empty);
    if info.effective_id().is_none() {
        return Err(Refusal::Id);
    }
    if missing(&info.host_name) {
        return Err(Refusal::HostName);
    }
    if missing(&info.ip_addr) {
        return Err(Refusal::IpAddr);
    }
    let given = info.app.as_deref().filter(|app| !app.is_empty()).ok_or(Refusal::App)?;
    let expected = app.to_uppercase();
    if given != expected {
        return Err(Refusal::OtherApp { expected, given: given.to_owned() });
    }
    let center = info.data_center.as_ref().ok_or(Refusal::DataCenter)?;
    if center.name.is_none() {
        return Err(Refusal::DataCenterName);
    }
    Ok(())
}

/// The status that counts, by the first rule that matches: an instance that says it cannot serve
/// is believed; then an operator's word; then, unless a peer says it, what was known before; then
/// what the instance says.
#[must_use]
pub fn effective_status(
    says: Status,
    over: Option<Status>,
    held: Option<Status>,
    replicated: bool,
) -> Status {
    let serves = |status: Status| matches!(status, Status::Up | Status::OutOfService);
    if !serves(says) {
        return says;
    }
    let held = held.filter(|held| serves(*held) && !replicated);
    over.or(held).unwrap_or(says)
}

#[cfg(test)]
mod tests {
    use rialto_catalog::Status::{Down, OutOfService, Starting, Unknown, Up};

    use super::*;

    #[test]
    fn status_rules_in_order() {
        for (says, over, held, replicated, counts) in [
            (Down, Some(OutOfService), Some(Up), false, Down),
            (Starting, None, Some(Up), false, Starting),
            (Unknown, Some(Up), None, false, Unknown),
            (Up, Some(OutOfService), Some(Up), false, OutOfService),
            (Up, Some(Down), None, true, Down),
            (OutOfService, None, Some(Up), false, Up),
            (OutOfService, None, Some(Up), true, OutOfService),
            (Up, None, Some(Down), false, Up),
            (Up, None, None, false, Up),
        ] {
            assert_eq!(effective_status(says, over, held, replicated), counts);
        }
    }
}
