//! Every limit of configurations, by name. Numbers are Nacos's own unless said otherwise.

/// Characters of a dataId.
pub const DATA_ID_CHARS_MAX: usize = 256;
/// Characters of a group.
pub const GROUP_CHARS_MAX: usize = 128;
/// Characters of a namespace's identifier.
pub const NAMESPACE_CHARS_MAX: usize = 128;
/// Bytes of one content.
pub const CONTENT_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Characters of a tag that a gray version is for.
pub const TAG_CHARS_MAX: usize = 16;
/// Tags of one configuration.
pub const CONFIG_TAGS_MAX: usize = 5;
/// Characters of one of those.
pub const CONFIG_TAG_CHARS_MAX: usize = 64;
/// Characters of a description.
pub const DESC_CHARS_MAX: usize = 128;
/// Characters of `use`.
pub const USE_CHARS_MAX: usize = 32;
/// Characters of `effect`.
pub const EFFECT_CHARS_MAX: usize = 32;
/// Characters of a type, before unknown ones become `text`.
pub const TYPE_CHARS_MAX: usize = 32;
/// Characters of a schema.
pub const SCHEMA_CHARS_MAX: usize = 32_768;
/// Characters of an application's name.
pub const APP_NAME_CHARS_MAX: usize = 128;
/// Characters of a user's name.
pub const USER_CHARS_MAX: usize = 128;
/// Characters of an address.
pub const IP_CHARS_MAX: usize = 64;
/// Bytes of the key that an encrypted content comes with.
pub const ENCRYPTED_DATA_KEY_BYTES_MAX: usize = 2_048;
/// Gray versions of one configuration.
pub const GRAYS_MAX: usize = 10;
/// Addresses of one beta version. Ours.
pub const BETA_IPS_MAX: usize = 1_000;
/// How long history is kept, in milliseconds.
pub const HISTORY_KEPT_MS: u64 = 30 * 86_400_000;
/// Configurations that one command may be about. Ours.
pub const MANY_MAX: usize = 10_000;
/// Items on one page. Nacos's own cap.
pub const PAGE_SIZE_MAX: usize = 500;
/// Characters of a fuzzy pattern. Ours.
pub const PATTERN_CHARS_MAX: usize = 512;
