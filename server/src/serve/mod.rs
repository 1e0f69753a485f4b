//! stub
use crate::cli::SourceArgs;
use crate::exit::Failure;
pub(crate) fn run(_args: &SourceArgs) -> Result<(), Failure> {
    Ok(())
}
pub(crate) fn check_route(_route: &rialto_api::route::RouteSpec) -> Result<(), String> {
    Ok(())
}
