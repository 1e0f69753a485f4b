//! What calls about configuration mean, for both transports.
