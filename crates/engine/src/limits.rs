//! Every limit of the engine, by name.

/// Changes that a watcher gets in one batch.
pub const WATCH_BATCH_MAX: usize = 1_024;
/// Proposals that may wait to be made durable; further ones are told to come back.
pub const PROPOSALS_MAX: usize = 4_096;
/// Proposals that one commit makes durable.
pub const PROPOSALS_PER_COMMIT_MAX: usize = 1_024;
/// How much longer a commit waits for those that the last one answered, in microseconds: short
/// beside a sync, long beside what they need to come back.
pub const GATHER_US: u64 = 500;
/// Changes told to the event log in one go.
pub const REPORTS_MAX: usize = 2_000;
/// How often time passes in the catalog, in milliseconds.
pub const TICK_MS: u64 = 100;
/// How often ephemeral instances are saved for a warm restart when some changed, in milliseconds:
/// a process that is killed forgets who registered in that time, and lists shrink by them.
pub const SAVE_MS: u64 = 250;
/// How many times as long as a save took the next one waits at least: a slow disk or a mass of
/// changes is saved less often, and saving takes a tenth of the time at most.
pub const SAVE_REST: u32 = 9;
/// A tick that comes so much later than the one before means that the process stood still, in
/// milliseconds.
pub const PAUSE_MS: u64 = 2_000;
/// Instances that are saved in one go when all are saved.
pub const SAVE_PORTION: usize = 10_000;
/// Longest identifier of a namespace, in bytes.
pub const NAMESPACE_ID_BYTES_MAX: usize = 128;
/// Longest name and longest description of a namespace, in characters.
pub const NAMESPACE_TEXT_CHARS_MAX: usize = 256;
/// Bytes of contents that may wait to be stored; more are told to come back.
pub const PUBLISHING_BYTES_MAX: usize = 128 << 20;
/// Configurations that a search takes under one hold of the lock.
pub const SEARCH_PORTION: usize = 1_000;
/// Changes of one configuration that its history counts.
pub const HISTORY_COUNT_MAX: usize = 100_000;
/// Old changes that one step forgets.
pub const HISTORY_PRUNE_STEP: usize = 500;
/// How often old history is forgotten, in milliseconds.
pub const HISTORY_PRUNE_MS: u64 = 60_000;
