//! The command line: definitions, and the way from arguments to a command's run.

mod args;
mod configuration;
mod manual;
mod sources;

pub(crate) use args::{
    Cli, Command, ConfigCommand, CtlArgs, CtlCommand, DemoArgs, EventsArgs, ImportCommand,
    ImportNacosArgs, InstanceCommand, RouteCommand, ServeArgs, ServiceArgs, SourceArgs,
};
pub(crate) use sources::{Loaded, default_data, load, load_routes, refused};

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::exit::Failure;
use crate::output;
use crate::{ctl, demo, import, serve};

/// Reads the arguments, runs the command, and says how it ended.
pub fn run() -> ExitCode {
    if let Some(arguments) = shop_arguments() {
        return demo::service(arguments);
    }
    let matches = match definition().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            // Help goes to standard output with code 0, mistakes to standard error with 2.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(2);
        }
    };
    let result = match cli.command {
        Command::Serve(args) => serve::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Ctl(args) => ctl::run(&args),
        Command::Import { command } => import::run(&command),
        Command::Config { command } => configuration::run(&command),
        Command::Completions { shell } => {
            manual::completions(shell);
            Ok(())
        }
        Command::Man { page, dir } => manual::man(&page, dir.as_deref()),
    };
    result.map_or_else(complain, |()| ExitCode::SUCCESS)
}

/// What follows `rialto demo-service`: a service of the demo's shop, which reads its arguments
/// itself. It is the demo's own business and no command for people.
fn shop_arguments() -> Option<Vec<String>> {
    let mut arguments = std::env::args_os().skip(1);
    let shop = arguments.next()? == "demo-service";
    shop.then(|| arguments.map(|argument| argument.to_string_lossy().into_owned()).collect())
}

/// The definition of every command, with the texts that are the same for all of them.
pub(crate) fn definition() -> clap::Command {
    Cli::command().after_help(crate::exit::EXIT_CODES_HELP)
}

#[expect(clippy::needless_pass_by_value, reason = "the end of the failure's life")]
fn complain(failure: Failure) -> ExitCode {
    output::complain(failure.message());
    failure.exit().into()
}
