//! Chooses the endpoint that a call goes to.
//!
//! A [`Balancer`] holds the endpoints of one service. [`Balancer::pick`] chooses one and counts the
//! call as under way; [`Balancer::report`] tells how it went; [`Balancer::tick`] judges endpoints
//! that stand out and returns what changed. Time and randomness are passed in, so that every
//! decision can be replayed. Nothing is allocated for a pick.
//!
//! What is known of an endpoint (calls under way, latency, ejection, slow start) belongs to its
//! identifier: [`Balancer::update`] never resets it. One that was away for [`limits::ABSENT_NS`] is
//! taken to be a new process: its calls under way still count, but it begins without latency and
//! ejection, and slowly.

#![forbid(unsafe_code)]

mod balancer;
mod choose;
mod endpoint;
mod ewma;
pub mod limits;
mod outlier;
mod queue;
mod ring;
mod settings;
mod slot;

pub use balancer::Balancer;
pub use endpoint::{
    Class, EjectionReason, Endpoint, EndpointView, Outcome, Picked, Request, Ticket, Transition,
};
pub use rialto_time::Nanos;
pub use ring::crc32;
pub use settings::{Algorithm, InvalidSettings, OutlierSettings, Settings};
