//! What `rialto ctl` changes: instances and routes.

use std::collections::BTreeMap;
use std::io::Read as _;

use http::Method;
use rialto_api::rest::{RegisterInstance, RouteView, StatusOverride};
use rialto_api::route::{FilterSpec, RouteSpec};
use serde_json::Value as Json;

use super::{Client, escape, service_path};
use crate::cli::{InstanceCommand, RouteCommand, ServiceArgs};
use crate::config::nearest;
use crate::exit::{Exit, Failure};
use crate::output;

/// Largest route read from standard input.
const ROUTE_MAX_BYTES: u64 = 1024 * 1024;

/// Changes an instance and says so.
///
/// # Errors
/// When the server refuses or cannot be reached.
pub(crate) async fn instance(
    client: &Client,
    command: &InstanceCommand,
    json: bool,
) -> Result<(), Failure> {
    let (answer, said) = match command {
        // Lists are printed by the caller.
        InstanceCommand::List(_) => return Ok(()),
        InstanceCommand::Register { service, host, port, id, zone, weight, meta, ttl_ms } => {
            let body = RegisterInstance {
                id: id.clone(),
                host: host.clone(),
                port: *port,
                secure_port: None,
                zone: zone.clone(),
                weight: *weight,
                metadata: metadata(meta)?,
                ttl_ms: *ttl_ms,
            };
            let path = service_path(service, "/instances");
            let answer = client.send(Method::POST, &path, Some(&body)).await?;
            let id = id.clone().unwrap_or_else(|| format!("{host}:{port}"));
            (answer, format!("{}/{id} is registered", service.name))
        }
        InstanceCommand::Deregister { service, id } => {
            let path = instance_path(service, id, "");
            let answer = client.send(Method::DELETE, &path, None::<&()>).await?;
            (answer, format!("{}/{id} is removed", service.name))
        }
        InstanceCommand::Status { service, id, status, reason } => {
            let wanted = Some(status.clone()).filter(|status| status != "clear");
            let body = StatusOverride { status: wanted, reason: reason.clone() };
            let path = instance_path(service, id, "/status");
            let answer = client.send(Method::PUT, &path, Some(&body)).await?;
            let said = match status.as_str() {
                "clear" => format!("{}/{id} has its own status again", service.name),
                status => format!("{}/{id} is {status}, by override", service.name),
            };
            (answer, said)
        }
    };
    tell(&answer, &said, json);
    Ok(())
}

/// Shows or changes a route and says so.
///
/// # Errors
/// When there is no such route, the server refuses or cannot be reached.
pub(crate) async fn route(
    client: &Client,
    command: &RouteCommand,
    json: bool,
) -> Result<(), Failure> {
    match command {
        // Lists are printed by the caller.
        RouteCommand::List => Ok(()),
        RouteCommand::Show { id } => {
            let routes: Vec<RouteView> = client.get("/routes").await?;
            let found = routes.iter().find(|route| route.spec.id == *id);
            let Some(found) = found else { return Err(no_such_route(id, &routes)) };
            let shown = match json {
                true => serde_json::to_string_pretty(found),
                false => serde_json::to_string_pretty(&found.spec),
            };
            output::line(&shown.map_err(|error| Failure::caused(Exit::Failed, &error))?);
            Ok(())
        }
        RouteCommand::Add { route, id, strip } => {
            let mut spec = read_route(route)?;
            if let Some(id) = id {
                spec.id.clone_from(id);
            }
            if let Some(parts) = strip {
                spec.filters.insert(0, FilterSpec::StripPrefix { parts: *parts });
            }
            let path = format!("/routes/{}", escape(&spec.id));
            let answer = client.send(Method::PUT, &path, Some(&spec)).await?;
            tell(&answer, &format!("route {} is in force", spec.id), json);
            Ok(())
        }
        RouteCommand::Remove { id } => {
            let path = format!("/routes/{}", escape(id));
            let answer = client.send(Method::DELETE, &path, None::<&()>).await?;
            tell(&answer, &format!("route {id} is removed"), json);
            Ok(())
        }
    }
}

fn tell(answer: &Json, said: &str, json: bool) {
    if json {
        output::line(&format!("{answer:#}"));
    } else {
        output::line(said);
    }
}

fn instance_path(service: &ServiceArgs, id: &str, rest: &str) -> String {
    service_path(service, &format!("/instances/{}{rest}", escape(id)))
}

fn metadata(pairs: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let split = |pair: &String| {
        let (key, value) = pair.split_once('=').ok_or_else(|| {
            let message = format!("--meta {pair:?} has no '='; write KEY=VALUE, like version=2");
            Failure::new(Exit::Usage, message)
        })?;
        Ok((key.to_owned(), value.to_owned()))
    };
    pairs.iter().map(split).collect()
}

fn read_route(text: &str) -> Result<RouteSpec, Failure> {
    if text != "-" {
        return RouteSpec::parse_shorthand(text)
            .map_err(|error| Failure::caused(Exit::Usage, &error));
    }
    let mut json = String::new();
    let limited = std::io::stdin().lock().take(ROUTE_MAX_BYTES).read_to_string(&mut json);
    limited.map_err(|error| Failure::caused(Exit::Usage, &error))?;
    let spec: RouteSpec = serde_json::from_str(&json).map_err(|error| {
        Failure::new(Exit::Usage, format!("standard input is not a route in JSON: {error}"))
    })?;
    if spec.id.is_empty() {
        return Err(Failure::new(Exit::Usage, "the route has no id; add one, or use --id"));
    }
    Ok(spec)
}

fn no_such_route(id: &str, routes: &[RouteView]) -> Failure {
    let names = routes.iter().map(|route| route.spec.id.as_str());
    let hint = nearest(id, names).map_or_else(
        || "`rialto ctl routes` lists them".to_owned(),
        |name| format!("did you mean {name:?}?"),
    );
    Failure::new(Exit::Refused, format!("there is no route {id:?}; {hint}"))
}
