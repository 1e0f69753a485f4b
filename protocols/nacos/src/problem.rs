//! Why a call is refused, in Nacos's own codes, whichever transport it came by.

/// Nacos's error codes (its `ErrorCode`), as v2 and v3 answers and gRPC carry them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Code {
    /// A parameter is missing.
    ParameterMissing = 10_000,
    /// No right, or nobody signed in.
    AccessDenied = 10_001,
    /// The records could not be read or written.
    DataAccess = 10_002,
    /// The tenant parameter is wrong.
    TenantParameter = 20_001,
    /// A parameter is wrong.
    ParameterInvalid = 20_002,
    /// The body's type is not one that can be read.
    MediaType = 20_003,
    /// Not there.
    NotFound = 20_004,
    /// Another change came first.
    Conflict = 20_005,
    /// Too many gray versions of one configuration.
    GrayTooMany = 20_010,
    /// The service's name is wrong.
    ServiceName = 21_000,
    /// The weight is out of range.
    Weight = 21_001,
    /// The instance's metadata is wrong.
    InstanceMetadata = 21_002,
    /// No such instance.
    InstanceNotFound = 21_003,
    /// The instance is wrong.
    Instance = 21_004,
    /// The service's metadata is wrong.
    ServiceMetadata = 21_005,
    /// The selector is wrong.
    Selector = 21_006,
    /// The service is there already.
    ServiceExists = 21_007,
    /// No such service.
    ServiceNotFound = 21_008,
    /// The service still has instances.
    ServiceNotEmpty = 21_009,
    /// Health must be given.
    HealthMissing = 21_010,
    /// The server checks health itself.
    HealthChecked = 21_011,
    /// The namespace is wrong.
    Namespace = 22_000,
    /// No such namespace.
    NamespaceNotFound = 22_001,
    /// The namespace is there already.
    NamespaceExists = 22_002,
    /// Something went wrong here.
    Server = 30_000,
    /// Not served here.
    Disabled = 40_001,
    /// The server's quota is used up.
    Quota = 5_031,
    /// A group's quota is used up.
    GroupQuota = 5_032,
    /// A namespace's quota is used up.
    NamespaceQuota = 5_033,
    /// A content is larger than its quota.
    SizeQuota = 5_034,
    /// What describes an archive cannot be read.
    ArchiveMetadata = 100_002,
    /// An archive cannot be read, or has what it may not have.
    ArchiveInvalid = 100_003,
    /// An archive is empty.
    ArchiveEmpty = 100_005,
    /// No configuration was selected.
    NothingSelected = 100_006,
    /// Too many fuzzy patterns.
    PatternsTooMany = 50_310,
    /// Too many services or configurations match a fuzzy pattern.
    MatchesTooMany = 50_311,
}

impl Code {
    /// The fixed sentence that v2 and v3 answers carry beside the code.
    pub fn words(self) -> &'static str {
        match self {
            Code::ParameterMissing => "parameter missing",
            Code::AccessDenied => "access denied",
            Code::DataAccess => "data access error",
            Code::TenantParameter => "'tenant' parameter error",
            Code::ParameterInvalid => "parameter validate error",
            Code::MediaType => "MediaType Error",
            Code::NotFound => "resource not found",
            Code::Conflict => "resource conflict",
            Code::GrayTooMany => "config gray version is over max count",
            Code::ServiceName => "service name error",
            Code::Weight => "weight error",
            Code::InstanceMetadata => "instance metadata error",
            Code::InstanceNotFound => "instance not found",
            Code::Instance => "instance error",
            Code::ServiceMetadata => "service metadata error",
            Code::Selector => "selector error",
            Code::ServiceExists => "service already exist",
            Code::ServiceNotFound => "service not exist",
            Code::ServiceNotEmpty => "service delete failure",
            Code::HealthMissing => "healthy param miss",
            Code::HealthChecked => "health check still running",
            Code::Namespace => "illegal namespace",
            Code::NamespaceNotFound => "namespace not exist",
            Code::NamespaceExists => "namespace already exist",
            Code::Server => "server error",
            Code::Disabled => "API function disabled",
            Code::Quota => "over cluster quota",
            Code::GroupQuota => "over group quota",
            Code::NamespaceQuota => "over tenant quota",
            Code::SizeQuota => "over max content size",
            Code::ArchiveMetadata => "Imported metadata is invalid",
            Code::ArchiveInvalid => "The imported data is illegal",
            Code::ArchiveEmpty => "The imported file data is empty",
            Code::NothingSelected => "No configuration selected",
            Code::PatternsTooMany => "fuzzy watch pattern over limit",
            Code::MatchesTooMany => "fuzzy watch pattern matched count over limit",
        }
    }
}

/// A call that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// Status over HTTP: 400, 403, 404, 409, 500 or 503.
    pub status: u16,
    /// Which problem.
    pub code: Code,
    /// What was wrong and what to do, in the real server's words where clients look at them.
    pub message: String,
}

impl Problem {
    /// A problem with a status and a sentence.
    pub fn new(status: u16, code: Code, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }
}
