//! Every command and flag with its help text.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

/// One server for the names, the traffic and the protection of a microservice system.
#[derive(Debug, Parser)]
#[command(name = "rialto", version, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the server: Eureka and Nacos doors, gateway, API and console
    ///
    /// Needs no configuration: every door listens on loopback, at the port of the product that it
    /// replaces. Settings come from a TOML file, the environment (RIALTO_EUREKA_LISTEN for
    /// eureka.listen) and flags, the later over the earlier; `rialto config explain` shows the
    /// outcome. SIGTERM or Ctrl-C stops gracefully. A changed configuration file brings its new
    /// routes into force at once, without a restart.
    Serve(ServeArgs),
    /// Watch a small shop survive what such systems have to survive
    ///
    /// Starts Rialto and a shop of four services, two processes each, sends it orders through the
    /// gateway, and then kills an instance, makes one slow and overloads the gateway. Everything
    /// runs in a temporary folder and is gone afterwards.
    Demo(DemoArgs),
    /// Look at a running server and change it
    Ctl(CtlArgs),
    /// Bring what another product holds into a running server
    Import {
        /// From which product.
        #[command(subcommand)]
        command: ImportCommand,
    },
    /// Explain or check the configuration
    Config {
        /// What to do.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print the completion script of a shell
    ///
    /// For bash: rialto completions bash > ~/.local/share/bash-completion/completions/rialto
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Print the manual page of rialto or of one command
    Man {
        /// The command, for example `ctl routes`; none for rialto itself.
        page: Vec<String>,
        /// Write the pages of all commands into this folder instead.
        #[arg(long, value_name = "DIR", conflicts_with = "page")]
        dir: Option<PathBuf>,
    },
}

/// What `rialto serve` takes.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ServeArgs {
    /// Where the configuration comes from.
    #[command(flatten)]
    pub sources: SourceArgs,
    /// Stop when standard input closes: for a program that starts the server as its child.
    #[arg(long, hide = true)]
    pub stop_with_parent: bool,
}

/// Where the configuration comes from.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SourceArgs {
    /// Data folder [default: $XDG_DATA_HOME/rialto or ~/.local/share/rialto]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Configuration file [default: rialto.toml in the data folder, if there is one]
    #[arg(long, value_name = "FILE", env = "RIALTO_CONFIG")]
    pub config: Option<PathBuf>,
    /// Set one value; may be given many times, for example --set eureka.listen=off
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Add a gateway route, for example --route '/shop/**=lb://storefront'
    #[arg(long, value_name = "PATH=URI")]
    pub route: Vec<String>,
    /// Write a JSON object of door name to bound address to this file once everything serves
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// Shape of the log lines on standard error: human or json
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// Least severe level logged: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
}

/// What `rialto demo` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct DemoArgs {
    /// Play each act once, print a summary, exit 0 only if every act held; under a minute
    #[arg(long)]
    pub once: bool,
    /// Add this to every port, to run beside something else
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = offsets())]
    pub port_offset: u16,
    /// Plain lines instead of the live view
    #[arg(long)]
    pub plain: bool,
}

/// Every port of the demo stays a port with these.
fn offsets() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(0..=50_000)
}

/// What `rialto config` does.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print each value, where it came from, and what it does
    Explain {
        /// Where the configuration comes from.
        #[command(flatten)]
        sources: SourceArgs,
        /// For tools.
        #[arg(long)]
        json: bool,
    },
    /// Check a configuration file
    Check {
        /// The file.
        file: PathBuf,
    },
}

/// What `rialto ctl` takes.
#[derive(Debug, Args)]
pub(crate) struct CtlArgs {
    /// The server's API
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "RIALTO_SERVER",
        default_value = "http://127.0.0.1:7000"
    )]
    pub server: String,
    /// Token to sign in with [default: the admin.token of the data folder]
    #[arg(long, global = true, value_name = "TOKEN", env = "RIALTO_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// File that holds the token
    #[arg(long, global = true, value_name = "FILE", env = "RIALTO_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
    /// Data folder of the server, whose admin.token signs in
    #[arg(long, global = true, value_name = "DIR", env = "RIALTO_DATA")]
    pub data: Option<PathBuf>,
    /// JSON instead of text for people
    #[arg(long, global = true)]
    pub json: bool,
    /// What to look at or change.
    #[command(subcommand)]
    pub command: CtlCommand,
}

/// What to look at or change.
#[derive(Debug, Subcommand)]
pub(crate) enum CtlCommand {
    /// The server at a glance
    Overview,
    /// List the services
    Services,
    /// Show one service and its instances
    Service(ServiceArgs),
    /// List, register, remove instances, or take one out of the traffic
    Instances {
        /// What to do.
        #[command(subcommand)]
        command: InstanceCommand,
    },
    /// List, show, add or remove gateway routes
    Routes {
        /// What to do.
        #[command(subcommand)]
        command: Option<RouteCommand>,
    },
    /// Print what happened
    Events(EventsArgs),
    /// Live view of services, routes and events until Ctrl-C
    Watch {
        /// Plain lines instead of the live view.
        #[arg(long)]
        plain: bool,
    },
}

/// From which product.
#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Copy a running Nacos: namespaces, configurations, services, users
    ///
    /// Reads Nacos 1, 2 or 3 through its own HTTP interface and writes through the Nacos door of a
    /// running Rialto. It can be ended and run again at any time: what is finished is skipped, what
    /// changed since is carried again. Ephemeral instances are not carried, they register by
    /// themselves. Passwords cannot be read: users get new ones, which are printed once.
    Nacos(Box<ImportNacosArgs>),
}

/// What `rialto import nacos` takes.
#[derive(Debug, Args)]
pub(crate) struct ImportNacosArgs {
    /// Nacos to copy, for example http://10.0.0.1:8848
    #[arg(long, value_name = "URL")]
    pub from: String,
    /// Administrator of that Nacos
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Its password
    #[arg(long, value_name = "TEXT", env = "RIALTO_IMPORT_PASSWORD", hide_env_values = true)]
    pub password: Option<String>,
    /// Only this namespace; may be given many times
    #[arg(long, value_name = "ID")]
    pub namespace: Vec<String>,
    /// Nacos door of the Rialto to write to
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8848")]
    pub into: String,
    /// Administrator of that Rialto
    #[arg(long, value_name = "NAME")]
    pub into_user: Option<String>,
    /// Its password
    #[arg(long, value_name = "TEXT", env = "RIALTO_IMPORT_INTO_PASSWORD", hide_env_values = true)]
    pub into_password: Option<String>,
    /// Data folder of that Rialto, whose admin.token signs in [default: as of `serve`, when it is
    /// on this machine]
    #[arg(long, value_name = "DIR", env = "RIALTO_DATA")]
    pub data: Option<PathBuf>,
    /// What is finished is noted here [default: rialto-import-ADDRESS.journal]
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Leave out users, roles and permissions
    #[arg(long)]
    pub no_users: bool,
    /// Leave out what configurations once were
    #[arg(long)]
    pub no_history: bool,
}

/// Which service.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServiceArgs {
    /// Name of the service
    pub name: String,
    /// Namespace
    #[arg(long, default_value = "public")]
    pub namespace: String,
    /// Group
    #[arg(long, default_value = "default")]
    pub group: String,
}

/// What to do with instances.
#[derive(Debug, Subcommand)]
pub(crate) enum InstanceCommand {
    /// List the instances of a service
    List(ServiceArgs),
    /// Register an instance; without --ttl-ms it is there until removed, also after a restart
    Register {
        /// Which service.
        #[command(flatten)]
        service: ServiceArgs,
        /// Host name or address
        #[arg(long)]
        host: String,
        /// Port
        #[arg(long)]
        port: u16,
        /// Identifier [default: host:port]
        #[arg(long)]
        id: Option<String>,
        /// Zone
        #[arg(long, default_value = "")]
        zone: String,
        /// Relative share of the traffic
        #[arg(long, default_value_t = 1.0)]
        weight: f64,
        /// Free text; may be given many times
        #[arg(long, value_name = "KEY=VALUE")]
        meta: Vec<String>,
        /// Milliseconds of life after each renewal
        #[arg(long, value_name = "MS")]
        ttl_ms: Option<u64>,
    },
    /// Remove an instance
    Deregister {
        /// Which service.
        #[command(flatten)]
        service: ServiceArgs,
        /// Identifier of the instance
        id: String,
    },
    /// Override the status of an instance, or end the override
    Status {
        /// Which service.
        #[command(flatten)]
        service: ServiceArgs,
        /// Identifier of the instance
        id: String,
        /// up, down or out_of_service; clear ends the override
        #[arg(value_parser = ["up", "down", "out_of_service", "clear"])]
        status: String,
        /// Why, for the event stream
        #[arg(long, default_value = "")]
        reason: String,
    },
}

/// What to do with routes.
#[derive(Debug, Subcommand)]
pub(crate) enum RouteCommand {
    /// List the routes
    List,
    /// Show one route as JSON
    Show {
        /// Identifier of the route
        id: String,
    },
    /// Add or replace a route: PATH=URI, or - for a JSON route on standard input
    Add {
        /// For example '/shop/**=lb://storefront'
        route: String,
        /// Identifier [default: the path's first segment]
        #[arg(long)]
        id: Option<String>,
        /// Drop this many segments of the path before the instance sees it
        #[arg(long, value_name = "PARTS")]
        strip: Option<u32>,
    },
    /// Remove a route
    Remove {
        /// Identifier of the route
        id: String,
    },
}

/// Which events.
#[derive(Debug, Clone, Args)]
pub(crate) struct EventsArgs {
    /// Go on printing what happens until Ctrl-C
    #[arg(long, short)]
    pub follow: bool,
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub limit: u32,
}

#[cfg(test)]
mod tests {
    #[test]
    fn definitions_are_consistent() {
        crate::cli::definition().debug_assert();
    }
}
