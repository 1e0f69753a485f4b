//! `rialto ctl`: looks at a running server and changes it, over its REST interface.

mod changes;
mod client;
mod show;
mod table;
mod watch;

pub(crate) use client::{Client, escape};
pub(crate) use table::Table;

use std::future::Future;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rialto_api::rest::{EventView, Overview, RouteView, ServiceDetail, ServiceSummary};
use serde::Serialize;

use crate::cli::{
    CtlArgs, CtlCommand, EventsArgs, InstanceCommand, RouteCommand, ServiceArgs, default_data,
};
use crate::exit::{Exit, Failure};
use crate::output;

/// Runs the command.
///
/// # Errors
/// When the server cannot be reached or refuses.
pub(crate) fn run(args: &CtlArgs) -> Result<(), Failure> {
    let client = Client::new(&args.server, token(args)?.as_deref())?;
    if let CtlCommand::Watch { plain } = &args.command {
        return watch::run(&client, *plain || args.json, args.json);
    }
    let Some(result) = block_on(command(&client, args))? else { return Ok(()) };
    result
}

/// Runs to the end or to Ctrl-C, which is nothing.
///
/// # Errors
/// When no runtime can be started.
pub(crate) fn block_on<F: Future>(future: F) -> Result<Option<F::Output>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::caused(Exit::Failed, &error))?;
    Ok(runtime.block_on(async {
        tokio::select! {
            output = future => Some(output),
            _ = tokio::signal::ctrl_c() => None,
        }
    }))
}

/// Now, in milliseconds since the Unix epoch, for words like "5 s ago".
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The path of a service, or of a part of it.
pub(crate) fn service_path(service: &ServiceArgs, rest: &str) -> String {
    let (namespace, group) = (escape(&service.namespace), escape(&service.group));
    format!("/services/{}{rest}?namespace={namespace}&group={group}", escape(&service.name))
}

async fn command(client: &Client, args: &CtlArgs) -> Result<(), Failure> {
    match &args.command {
        CtlCommand::Overview => {
            let overview: Overview = client.get("/overview").await?;
            print(args.json, &overview, |it| show::overview(it, now_ms()))
        }
        CtlCommand::Services => {
            let services: Vec<ServiceSummary> = client.get("/services").await?;
            print(args.json, &services, |it| show::services(it, now_ms()))
        }
        CtlCommand::Service(service) => {
            let detail: ServiceDetail = client.get(&service_path(service, "")).await?;
            print(args.json, &detail, |it| show::service(it, now_ms()))
        }
        CtlCommand::Instances { command: InstanceCommand::List(service) } => {
            let detail: ServiceDetail = client.get(&service_path(service, "")).await?;
            print(args.json, &detail.instances, |it| show::instances(it, now_ms()))
        }
        CtlCommand::Instances { command } => changes::instance(client, command, args.json).await,
        CtlCommand::Routes { command: None | Some(RouteCommand::List) } => {
            let routes: Vec<RouteView> = client.get("/routes").await?;
            print(args.json, &routes, |it| show::routes(it))
        }
        CtlCommand::Routes { command: Some(command) } => {
            changes::route(client, command, args.json).await
        }
        CtlCommand::Events(events) => print_events(client, events, args.json).await,
        CtlCommand::Watch { .. } => Ok(()),
    }
}

async fn print_events(client: &Client, args: &EventsArgs, json: bool) -> Result<(), Failure> {
    // The stream is opened first, so that nothing falls between the list and it.
    let stream = match args.follow {
        true => Some(client.stream("/events/stream").await?),
        false => None,
    };
    let mut events: Vec<EventView> = client.get(&format!("/events?limit={}", args.limit)).await?;
    events.sort_by_key(|event| event.id);
    if !args.follow {
        return print(json, &events, |it| it.iter().map(show::event).collect());
    }
    let mut last = 0;
    for event in &events {
        print_event(event, json)?;
        last = event.id;
    }
    let Some(mut stream) = stream else { return Ok(()) };
    while let Some(data) = stream.next().await? {
        if let Ok(event) = serde_json::from_str::<EventView>(&data)
            && event.id > last
        {
            print_event(&event, json)?;
            last = event.id;
        }
    }
    Err(Failure::new(Exit::Unreachable, "the server ended the stream of events"))
}

fn print_event(event: &EventView, json: bool) -> Result<(), Failure> {
    if json {
        let line = serde_json::to_string(event);
        output::line(&line.map_err(|error| Failure::caused(Exit::Failed, &error))?);
    } else {
        output::print(&show::event(event));
    }
    Ok(())
}

/// Prints JSON or text.
fn print<T: Serialize + ?Sized>(
    json: bool,
    value: &T,
    text: impl FnOnce(&T) -> String,
) -> Result<(), Failure> {
    if json {
        let text = serde_json::to_string_pretty(value);
        output::line(&text.map_err(|error| Failure::caused(Exit::Failed, &error))?);
    } else {
        output::print(&text(value));
    }
    Ok(())
}

/// The token: said, in a file said, or in the data folder.
fn token(args: &CtlArgs) -> Result<Option<String>, Failure> {
    if let Some(token) = &args.token {
        return Ok(Some(token.clone()));
    }
    if let Some(file) = &args.token_file {
        let read = |error: std::io::Error| {
            let message = format!("token file {} cannot be read: {error}", file.display());
            Failure::new(Exit::Usage, message)
        };
        return std::fs::read_to_string(file).map(Some).map_err(read);
    }
    let data = args.data.clone().unwrap_or_else(default_data);
    Ok(token_of(&data))
}

/// The token that a server keeps in its data folder for this machine's administrators.
pub(crate) fn token_of(data: &Path) -> Option<String> {
    std::fs::read_to_string(data.join("admin.token")).ok()
}
