//! Configurations: lists, the editor, gray versions, history, secrets, files.

mod access;
mod edit;
mod gray;
mod history;
mod page;
mod secret;
mod transfer;
