//! Reads the sources of the configuration: the one place that touches files and the environment.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use rialto_api::route::RouteSpec;

use super::SourceArgs;
use crate::config::{FILE_MAX_BYTES, Layer, Resolved, resolve};
use crate::exit::{Exit, Failure};
use crate::serve;

/// The data folder when none is set: `$XDG_DATA_HOME/rialto` or `~/.local/share/rialto`; without a
/// home, `rialto-data` where the process stands.
pub(crate) fn default_data() -> PathBuf {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    if let Some(base) = folder("XDG_DATA_HOME") {
        return PathBuf::from(base).join("rialto");
    }
    folder("HOME").map_or_else(
        || PathBuf::from("rialto-data"),
        |home| PathBuf::from(home).join(".local/share/rialto"),
    )
}

/// Reads and merges every source.
///
/// # Errors
/// When a file cannot be read or something is wrong in any source.
pub(crate) fn load(args: &SourceArgs) -> Result<Loaded, Failure> {
    let default = default_data();
    let environment = Layer::environment(variables()?);
    let flags = flags(args);
    let data = data_folder(&default, &environment, &flags);
    let (file, layer) = match &args.config {
        Some(file) => (file.clone(), Some(read(file)?)),
        None => {
            let file = data.join("rialto.toml");
            let layer = if file.exists() { Some(read(&file)?) } else { None };
            (file, layer)
        }
    };
    let layers = layer.into_iter().chain([environment, flags]).collect();
    let resolved = resolve(&default.to_string_lossy(), layers).map_err(refused)?;
    Ok(Loaded { resolved, file })
}

/// A configuration and the file that belongs to it, whether it exists or not.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The configuration.
    pub resolved: Resolved,
    /// The file.
    pub file: PathBuf,
}

/// Reads the sources again, for the routes alone: everything else takes a restart.
///
/// # Errors
/// As [`load`], and when a route cannot be used.
pub(crate) fn load_routes(args: &SourceArgs) -> Result<Vec<RouteSpec>, Failure> {
    let resolved = load(args)?.resolved;
    resolved.check_routes(serve::check_route).map_err(refused)?;
    Ok(resolved.config.routes)
}

/// The layer of one file.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn read(file: &Path) -> Result<Layer, Failure> {
    let name = file.display().to_string();
    let unreadable = |reason: &str| {
        let message = format!("configuration file {name} cannot be read: {reason}");
        Failure::new(Exit::Configuration, message)
    };
    let size = std::fs::metadata(file).map_err(|error| unreadable(&describe(&error)))?.len();
    if size > FILE_MAX_BYTES as u64 {
        return Ok(Layer::too_large(&name, usize::try_from(size).unwrap_or(usize::MAX)));
    }
    let bytes = std::fs::read(file).map_err(|error| unreadable(&describe(&error)))?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8 text"))?;
    Ok(Layer::file(&name, &text))
}

/// What is wrong with a configuration, as the end of a command.
#[expect(clippy::needless_pass_by_value, reason = "used as a function of map_err")]
pub(crate) fn refused(problems: crate::config::Problems) -> Failure {
    Failure::new(Exit::Configuration, problems.to_string())
}

fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    }
}

/// Our variables; another program's may hold any bytes, ours must be text.
fn variables() -> Result<Vec<(String, String)>, Failure> {
    let ours = |name: &OsString| name.to_str().is_some_and(|name| name.starts_with("RIALTO_"));
    let texts = env::vars_os().filter(|(name, _)| ours(name)).map(|(name, value)| {
        let name = name.to_string_lossy().into_owned();
        let value = value.into_string().map_err(|_| {
            Failure::new(Exit::Configuration, format!("variable {name} is not UTF-8 text"))
        })?;
        Ok((name, value))
    });
    texts.collect()
}

fn flags(args: &SourceArgs) -> Layer {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|p| p.to_string_lossy().into_owned());
    let named = [
        ("--data", "data", path(&args.data)),
        ("--ready-file", "ready_file", path(&args.ready_file)),
        ("--log-format", "log.format", args.log_format.clone()),
        ("--log-level", "log.level", args.log_level.clone()),
    ];
    let named: Vec<_> =
        named.into_iter().filter_map(|(flag, key, text)| Some((flag, key, text?))).collect();
    Layer::flags(&args.set, &args.route, &named)
}

/// The data folder as the environment and flags say it, to find the file in it. What a file says
/// about the folder moves the data, not the file.
fn data_folder(default: &Path, environment: &Layer, flags: &Layer) -> PathBuf {
    let found = flags.entries.iter().rev().chain(environment.entries.iter().rev()).find_map(|e| {
        match &e.raw {
            crate::config::Raw::Text { text, .. } if e.key == "data" => Some(PathBuf::from(text)),
            _ => None,
        }
    });
    found.filter(|path| !path.as_os_str().is_empty()).unwrap_or_else(|| default.to_owned())
}
