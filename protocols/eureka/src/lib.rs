//! The Eureka protocol: codec, session, mapping and door.
