//! Every limit of the Nacos door, with its source.

// Forms.

/// Most parameters of one call; Nacos's calls have at most 20.
pub const FORM_PARAMETERS_MAX: usize = 256;
/// Longest name of a parameter, in bytes.
pub const FORM_NAME_BYTES_MAX: usize = 128;
/// Most parts of a multipart body; an import has three.
pub const MULTIPART_PARTS_MAX: usize = 16;
/// Longest headers of one part, in bytes.
pub const MULTIPART_HEAD_BYTES_MAX: usize = 4 * 1024;

// Lists over HTTP.

/// Most items on one page of a list; what asks for more gets this many.
pub const PAGE_SIZE_MAX: usize = 10_000;
