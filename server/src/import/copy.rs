//! The course of an import: namespaces, then what is in each of them, then users.

use super::client::Trouble;
use super::digest;
use super::journal::Journal;
use super::model::{Namespace, PUBLIC};
use super::progress::Progress;
use super::report::{Kind, Report};
use super::source::Source;
use super::target::Target;
use crate::exit::{Exit, Failure};
use crate::output;

/// What is asked for.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Empty for all.
    pub(super) namespaces: Vec<String>,
    pub(super) users: bool,
    pub(super) history: bool,
}

/// One import.
pub(super) struct Copy {
    pub(super) source: Source,
    pub(super) target: Target,
    pub(super) journal: Journal,
    pub(super) report: Report,
    pub(super) progress: Progress,
    pub(super) wanted: Wanted,
}

impl Copy {
    /// Copies all that is asked for. An item that is refused is noted, and the next one follows.
    ///
    /// # Errors
    /// When a server cannot be reached or does not accept the sign-in, or the journal is not
    /// written.
    pub(super) async fn run(&mut self) -> Result<(), Failure> {
        let version = self.source.open().await.map_err(|trouble| stop("--from", trouble))?;
        self.target.open().await.map_err(|trouble| stop("--into", trouble))?;
        output::complain(&format!("copying {version}"));
        let namespaces = self.namespaces().await?;
        for namespace in &namespaces {
            self.configs(namespace).await?;
            self.services(namespace).await?;
        }
        if self.wanted.users {
            self.accounts().await?;
        }
        Ok(())
    }

    /// Makes the namespaces and gives the identifiers of those that are asked for.
    async fn namespaces(&mut self) -> Result<Vec<String>, Failure> {
        let all = self.source.namespaces().await.map_err(|trouble| stop("--from", trouble))?;
        let there = self.target.namespaces().await.map_err(|trouble| stop("--into", trouble))?;
        let is_wanted = |id: &str| {
            let wanted = &self.wanted.namespaces;
            wanted.is_empty() || wanted.iter().any(|want| same_namespace(want, id))
        };
        let chosen: Vec<Namespace> = all.into_iter().filter(|it| is_wanted(&it.id)).collect();
        let mut ids: Vec<String> = chosen.iter().map(|it| it.id.clone()).collect();
        for (done, namespace) in chosen.iter().enumerate() {
            if namespace.id == PUBLIC {
                continue;
            }
            self.progress.at(Kind::Namespace, done, chosen.len(), &namespace.id);
            let is_new = !there.contains(&namespace.id);
            let (item, digest) = (format!("namespace {}", namespace.id), digest::of(namespace));
            if !is_new && self.journal.has(&item, &digest) {
                self.report.unchanged(Kind::Namespace);
                continue;
            }
            let result = self.target.put_namespace(namespace, is_new).await;
            self.settle(Kind::Namespace, &item, &digest, result)?;
        }
        // Instances may be in a namespace that nobody made; its name must be known then.
        let unlisted = self.wanted.namespaces.iter().filter(|want| !want.is_empty());
        for id in unlisted {
            if !ids.contains(id) {
                ids.push(id.clone());
            }
        }
        Ok(ids)
    }

    /// Notes what became of an item.
    pub(super) fn settle(
        &mut self,
        kind: Kind,
        item: &str,
        digest: &str,
        result: Result<(), Trouble>,
    ) -> Result<(), Failure> {
        if self.unless_refused(item, result)?.is_some() {
            self.journal.add(item, digest)?;
            self.report.carried(kind);
        }
        Ok(())
    }

    /// The value, or `None` and a note when this item is refused.
    pub(super) fn unless_refused<T>(
        &mut self,
        item: &str,
        result: Result<T, Trouble>,
    ) -> Result<Option<T>, Failure> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Trouble::Item { message, .. }) => {
                self.report.refused(format!("{item}: {message}"));
                Ok(None)
            }
            Err(Trouble::Stop(failure)) => Err(failure),
        }
    }
}

/// Before anything is carried every refusal is the end.
fn stop(flag: &str, trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Stop(failure) => failure,
        Trouble::Item { message, .. } => {
            let wanted = if flag == "--into" { "the Nacos door of a Rialto" } else { "a Nacos" };
            let message = format!("what answers at {flag} is not {wanted}: {message}");
            Failure::new(Exit::Refused, message)
        }
    }
}

fn same_namespace(wanted: &str, id: &str) -> bool {
    wanted == id || (wanted.is_empty() && id == PUBLIC)
}
