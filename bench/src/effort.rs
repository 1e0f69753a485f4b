//! How long and how large: a full measurement, or a glance that everything runs.

/// Sizes of one run.
#[derive(Debug, Clone)]
pub(crate) struct Effort {
    /// Seconds of one measurement.
    pub(crate) seconds: u64,
    /// Turns of each side.
    pub(crate) rounds: u32,
    /// Seconds of load before the first figure of a peer that runs on a JVM.
    pub(crate) jvm_warm_seconds: u64,
    /// Whether peers that take a minute to build and start take part.
    pub(crate) has_slow_peers: bool,
    /// Connections of the gateway's scenarios, few and many.
    pub(crate) connections: [usize; 2],
    /// Instances of the Eureka scenarios, few and many.
    pub(crate) instances: [usize; 2],
    /// Instances in the catalog, few and many.
    pub(crate) catalog: [usize; 2],
    /// Subscribers of a changing service, few to many.
    pub(crate) subscribers: &'static [usize],
    /// Changes that are pushed to them.
    pub(crate) changes: usize,
    /// Connected Nacos clients whose memory is measured.
    pub(crate) nacos_clients: usize,
    /// Instances in one Nacos door.
    pub(crate) nacos_many: usize,
    /// Seconds for which clients come and go.
    pub(crate) churn_seconds: u64,
    /// Whether the goals are judged; a glance measures too little for that.
    pub(crate) judges: bool,
}

impl Effort {
    /// What docs/benchmarks.md is made of.
    pub(crate) fn full() -> Self {
        Self {
            seconds: 8,
            rounds: 3,
            jvm_warm_seconds: 60,
            has_slow_peers: true,
            connections: [64, 1_000],
            instances: [1_000, 10_000],
            catalog: [1_000, 1_000_000],
            subscribers: &[100, 500, 1_000, 2_000],
            changes: 10,
            nacos_clients: 500,
            nacos_many: 1_000_000,
            churn_seconds: 60 * 60,
            judges: true,
        }
    }

    /// Does it run?
    pub(crate) fn smoke() -> Self {
        Self {
            seconds: 1,
            rounds: 1,
            jvm_warm_seconds: 0,
            has_slow_peers: false,
            connections: [8, 64],
            instances: [20, 200],
            catalog: [100, 2_000],
            subscribers: &[5, 20],
            changes: 2,
            nacos_clients: 20,
            nacos_many: 1_000,
            churn_seconds: 4,
            judges: false,
        }
    }
}
