//! Chooses the endpoint that a call goes to.
