//! HTTP/1.1 heads, framing and bodies over byte slices.
