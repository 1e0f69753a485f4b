//! Configurations, with what they once were and their beta versions.

use super::copy::Copy;
use super::digest;
use super::model::{Config, Version};
use super::report::Kind;
use super::source::Listed;
use crate::exit::Failure;

impl Copy {
    /// Copies the configurations of a namespace.
    pub(super) async fn configs(&mut self, namespace: &str) -> Result<(), Failure> {
        let what = format!("configurations of namespace {namespace}");
        let listed = self.source.configs(namespace).await;
        let Some(listed) = self.unless_refused(&what, listed)? else { return Ok(()) };
        for (done, one) in listed.iter().enumerate() {
            self.progress.at(Kind::Config, done, listed.len(), &one.id.to_string());
            self.listed_config(one).await?;
        }
        Ok(())
    }

    async fn listed_config(&mut self, listed: &Listed) -> Result<(), Failure> {
        let item = format!("configuration {}", listed.id);
        if !listed.md5.is_empty() && self.journal.has(&item, &listed.md5) {
            self.report.unchanged(Kind::Config);
            return Ok(());
        }
        let config = self.source.config(&listed.id).await;
        let Some(config) = self.unless_refused(&item, config)?.flatten() else { return Ok(()) };
        let md5 = digest::md5_hex(config.content.as_bytes());
        let present = self.target.config(&config.id).await;
        let present = self.unless_refused(&item, present)?.flatten();
        let is_same = present.as_ref().is_some_and(|there| {
            there.md5 == md5 && (config.kind.is_empty() || there.kind == config.kind)
        });
        if is_same {
            self.journal.add(&item, &md5)?;
            self.report.unchanged(Kind::Config);
        } else {
            if self.wanted.history && present.is_none() {
                self.versions(&config).await?;
            }
            let result = self.target.publish(&config).await;
            self.settle(Kind::Config, &item, &md5, result)?;
        }
        self.beta(&config).await
    }

    /// Publishes what the configuration was, oldest first: the target's own history keeps it.
    async fn versions(&mut self, config: &Config) -> Result<(), Failure> {
        let item = format!("history of configuration {}", config.id);
        let versions = self.source.versions(&config.id).await;
        let Some(versions) = self.unless_refused(&item, versions)? else { return Ok(()) };
        let Some(versions) = versions else {
            self.report.left(format!("{item}: the source does not tell it"));
            return Ok(());
        };
        for version in replayed(versions, &config.content) {
            let result = self.target.publish_old(config, &version).await;
            if self.unless_refused(&item, result)?.is_none() {
                return Ok(());
            }
            self.report.carried(Kind::Version);
        }
        Ok(())
    }

    async fn beta(&mut self, config: &Config) -> Result<(), Failure> {
        let item = format!("beta of configuration {}", config.id);
        let gray = self.source.beta(&config.id).await;
        let Some(gray) = self.unless_refused(&item, gray)?.flatten() else { return Ok(()) };
        let digest = digest::of(&gray);
        if self.journal.has(&item, &digest) {
            self.report.unchanged(Kind::Gray);
            return Ok(());
        }
        let result = self.target.publish_gray(config, &gray).await;
        self.settle(Kind::Gray, &item, &digest, result)
    }
}

/// What has to be published before `current`, so that each content is there once in its turn.
///
/// Rows tell the content that was replaced, or the first one; two neighbours may tell the same.
fn replayed(mut versions: Vec<Version>, current: &str) -> Vec<Version> {
    versions.dedup_by(|later, earlier| later.content == earlier.content);
    while versions.last().is_some_and(|last| last.content == current) {
        versions.pop();
    }
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(content: &str) -> Version {
        Version {
            content: content.to_owned(),
            user: String::new(),
            encrypted_data_key: String::new(),
        }
    }

    #[test]
    fn each_content_is_replayed_once_in_its_turn() {
        // Inserted as 1, updated from 1, updated from 2; now it is 3.
        let rows = vec![version("1"), version("1"), version("2")];
        assert_eq!(replayed(rows, "3"), [version("1"), version("2")]);
        // A server whose rows tell the new content.
        let rows = vec![version("1"), version("2"), version("3")];
        assert_eq!(replayed(rows, "3"), [version("1"), version("2")]);
        assert_eq!(replayed(vec![version("1")], "1"), []);
        // Back to what it was.
        let rows = vec![version("1"), version("2")];
        assert_eq!(replayed(rows, "1"), [version("1"), version("2")]);
    }
}
