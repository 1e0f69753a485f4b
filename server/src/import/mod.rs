//! `rialto import nacos`: copies a running Nacos into a running Rialto, each through its own HTTP
//! interface, and says what was carried and what could not be.
//!
//! It can be ended and run again at any time: a journal knows what is finished. Run once more just
//! before clients are pointed here, it carries only what changed since.

mod accounts;
mod client;
mod configs;
mod copy;
mod digest;
mod journal;
mod model;
mod progress;
mod report;
mod services;
mod source;
mod target;

use std::path::PathBuf;

use crate::cli::{ImportCommand, ImportNacosArgs, default_data};
use crate::ctl::{block_on, token_of};
use crate::exit::{Exit, Failure};
use crate::output;
use client::{Client, SignIn};
use copy::{Copy, Wanted};
use journal::Journal;
use progress::Progress;
use report::Report;
use source::Source;
use target::Target;

/// Runs the command.
///
/// # Errors
/// When a server cannot be reached or does not accept the sign-in, when the journal cannot be
/// used, or when some items were refused.
pub(crate) fn run(command: &ImportCommand) -> Result<(), Failure> {
    let ImportCommand::Nacos(args) = command;
    let from = Client::new(&args.from, "--from", from_sign_in(args)?)?;
    let into = Client::new(&args.into, "--into", into_sign_in(args)?)?;
    let path = args.journal.clone().unwrap_or_else(|| default_journal(from.base()));
    let journal = Journal::open(&path, from.base(), into.base())?;
    let mut copy = Copy {
        source: Source::new(from),
        target: Target::new(into),
        journal,
        report: Report::default(),
        progress: Progress::new(),
        wanted: Wanted {
            namespaces: args.namespace.clone(),
            users: !args.no_users,
            history: !args.no_history,
        },
    };
    // Ctrl-C ends it as well: what was carried is told in any case, new passwords above all.
    let ended = block_on(copy.run());
    copy.progress.end();
    output::print(&copy.report.text());
    let again =
        format!("the same command goes on from there (journal {})", copy.journal.path().display());
    match ended? {
        None => Err(Failure::new(Exit::Failed, format!("interrupted; {again}"))),
        Some(Err(failure)) => {
            Err(Failure::new(failure.exit(), format!("{}\n{again}", failure.message())))
        }
        Some(Ok(())) => match copy.report.refusals() {
            0 => Ok(()),
            some => Err(Failure::new(Exit::Refused, format!("{some} items were refused; {again}"))),
        },
    }
}

fn from_sign_in(args: &ImportNacosArgs) -> Result<SignIn, Failure> {
    sign_in(args.user.as_deref(), args.password.as_deref(), "--user and --password")
}

fn into_sign_in(args: &ImportNacosArgs) -> Result<SignIn, Failure> {
    let (user, password) = (args.into_user.as_deref(), args.into_password.as_deref());
    let data = match &args.data {
        Some(data) => Some(data.clone()),
        // This machine's token goes to this machine, or where it is sent in so many words.
        None => is_here(&args.into).then(default_data),
    };
    match data.as_deref().and_then(token_of) {
        Some(token) if user.is_none() => Ok(SignIn::Token(token)),
        _ => sign_in(user, password, "--into-user and --into-password"),
    }
}

fn is_here(address: &str) -> bool {
    let host = address.trim_start_matches("http://").split('/').next().unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    matches!(host, "127.0.0.1" | "localhost" | "[::1]")
}

fn sign_in(user: Option<&str>, password: Option<&str>, flags: &str) -> Result<SignIn, Failure> {
    match (user, password) {
        (Some(user), Some(password)) => {
            Ok(SignIn::Password { user: user.to_owned(), password: password.to_owned() })
        }
        // A password in the environment alone is no wish to sign in.
        (None, _) => Ok(SignIn::Nobody),
        (Some(_), None) => Err(Failure::new(Exit::Usage, format!("{flags} go together"))),
    }
}

/// In the working folder, named by the server that is copied.
fn default_journal(from: &str) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' };
    let name: String = from.trim_start_matches("http://").chars().map(plain).collect();
    PathBuf::from(format!("rialto-import-{name}.journal"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_named_by_its_source() {
        let path = default_journal("http://10.0.0.1:8848/nacos");
        assert_eq!(path, PathBuf::from("rialto-import-10.0.0.1_8848_nacos.journal"));
    }

    #[test]
    fn the_token_of_this_machine_stays_here() {
        assert!(is_here("http://127.0.0.1:8848") && is_here("http://localhost/nacos"));
        for other in ["http://10.0.0.1:8848", "http://127.0.0.1.example:8848", "http://x"] {
            assert!(!is_here(other), "{other}");
        }
    }

    #[test]
    fn a_user_without_a_password_is_a_mistake() {
        assert!(matches!(sign_in(None, Some("p"), ""), Ok(SignIn::Nobody)));
        assert!(matches!(sign_in(Some("u"), Some("p"), ""), Ok(SignIn::Password { .. })));
        assert_eq!(sign_in(Some("u"), None, "x").err().map(|f| f.exit()), Some(Exit::Usage));
    }
}
