//! stub
use crate::cli::DemoArgs;
use crate::exit::Failure;
pub(crate) fn run(_args: &DemoArgs) -> Result<(), Failure> {
    Ok(())
}
pub(crate) fn service(_arguments: Vec<String>) -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
