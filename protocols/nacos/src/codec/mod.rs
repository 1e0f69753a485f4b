//! Bytes of both transports: the gRPC envelope, JSON bodies, forms.

pub mod date;
pub mod form;
pub mod multipart;
pub mod payload;
