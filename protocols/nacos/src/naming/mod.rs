//! What calls about services and instances mean, for both transports.
