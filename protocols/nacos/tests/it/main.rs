//! The door as its clients see it: over real sockets, with an engine in memory.

mod areas_http;
mod attacks;
mod bad_http;
mod client;
mod compare;
mod corpus;
mod frames;
mod golden_grpc;
mod golden_http;
mod grpc_client;
mod grpc_config;
mod grpc_hostile;
mod grpc_life;
mod grpc_naming;
mod grpc_push;
mod naming;
mod replay_grpc;
mod replay_http;
mod rights_http;
mod server;
