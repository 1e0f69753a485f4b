//! Configurations: lists, the editor, gray versions, history, secrets, files.

mod edit;
mod gray;
mod history;
mod page;
mod secret;
mod transfer;
