//! `rialto config`: explains the values in force, or checks a file.

use super::ConfigCommand;
use super::sources::{default_data, load, read, refused};
use crate::config::{resolve, to_json, to_text};
use crate::exit::Failure;
use crate::words::count;
use crate::{output, serve};

/// Runs the command.
///
/// # Errors
/// When the configuration is refused.
pub(crate) fn run(command: &ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Explain { sources, json } => {
            let resolved = load(sources)?.resolved;
            resolved.check_routes(serve::check_route).map_err(refused)?;
            match json {
                true => output::line(&format!("{:#}", to_json(&resolved))),
                false => output::print(&to_text(&resolved)),
            }
        }
        ConfigCommand::Check { file } => {
            let layer = read(file)?;
            let resolved =
                resolve(&default_data().to_string_lossy(), vec![layer]).map_err(refused)?;
            resolved.check_routes(serve::check_route).map_err(refused)?;
            let routes = count(resolved.routes.len(), "route");
            output::line(&format!("{} is valid; {routes}", file.display()));
        }
    }
    Ok(())
}
