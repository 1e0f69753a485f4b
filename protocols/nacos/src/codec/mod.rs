//! Bytes of both transports: the gRPC envelope, JSON bodies, forms.
