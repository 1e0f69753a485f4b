//! Starts one service: options, database, registration, and an orderly end.

use std::io::{self, IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::{Router, serve};
use clap::{Parser, ValueEnum};
use rialto_sdk::{CallContext, Rialto};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::database::Database;
use crate::{account, chaos, order, stock, storefront};

/// How long the instance stays in the catalog when it is killed: others notice at once that it does
/// not answer, this only tidies up.
const LEASE: Duration = Duration::from_secs(5);
/// How long an instance goes on serving after it left, until every caller knows.
const FAREWELL: Duration = Duration::from_millis(300);

/// Which service, and how it runs.
#[derive(Debug, Clone, Parser)]
#[command(name = "shop", about = "One service of the shop.")]
pub struct Options {
    /// The service.
    pub service: Service,
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Folder of the databases, shared by all instances.
    #[arg(long, default_value = "shop-data")]
    pub data: PathBuf,
    /// Identifier of this instance; its address unless said otherwise.
    #[arg(long)]
    pub id: Option<String>,
    /// File that the address is written to once the service serves.
    #[arg(long)]
    pub address_file: Option<PathBuf>,
    /// Lets `POST /chaos {"delay_ms": 800}` make this instance slow.
    #[arg(long)]
    pub chaos: bool,
}

/// The services of the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Service {
    /// What customers see.
    Storefront,
    /// Takes goods and money.
    Order,
    /// How many are left.
    Stock,
    /// Who has how much money.
    Account,
}

impl Service {
    /// The name that it registers by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Storefront => "storefront",
            Self::Order => "order",
            Self::Stock => "stock",
            Self::Account => "account",
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

pub(crate) fn main(args: Vec<String>) -> ExitCode {
    let options = match Options::try_parse_from(std::iter::once("shop".to_owned()).chain(args)) {
        Ok(options) => options,
        Err(error) => {
            // Where it goes if not there, nobody can say.
            _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    // Fails when whoever called us has set one up already, which is fine.
    let logs = tracing_subscriber::fmt().with_writer(io::stderr);
    _ = logs.with_ansi(io::stderr().is_terminal()).try_init();
    let name = options.service.name();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime.map_err(Failure::from).and_then(|runtime| runtime.block_on(run(options))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            _ = writeln!(io::stderr(), "{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Failure> {
    let Options { service, listen, data, id, address_file, chaos } = options;
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;

    // Where Rialto is comes from the environment: RIALTO_SERVER, RIALTO_TOKEN_FILE. On one machine
    // neither is needed.
    let rialto = Rialto::builder().name(service.name()).connect().await?;
    let mut app = app(service, &data, &rialto)?;
    if chaos {
        app = chaos::enable(app);
    }
    let app = app.layer(middleware::from_fn(in_context));

    // From here on callers find us. The listener is open already, so no call is lost.
    let mut register = rialto.register(service.name(), address.port()).ttl(LEASE);
    if let Some(id) = id {
        register = register.id(id);
    }
    let registration = register.await?;
    tell(service, address, address_file.as_deref())?;

    let farewell = async {
        if let Err(error) = told_to_stop().await {
            tracing::error!(%error, "cannot listen to signals");
            return std::future::pending().await;
        }
        // Leave first, and serve a little longer: whoever has not heard yet still gets an answer.
        registration.leave().await;
        tokio::time::sleep(FAREWELL).await;
    };
    serve(listener, app).with_graceful_shutdown(farewell).await?;
    Ok(())
}

fn app(service: Service, data: &Path, rialto: &Rialto) -> Result<Router, Failure> {
    let database = |tables| -> Result<Database, Failure> {
        std::fs::create_dir_all(data)?;
        let path = data.join(format!("{}.db", service.name()));
        Ok(Database::open(&path, tables)
            .map_err(|error| format!("database {}: {error}", path.display()))?)
    };
    Ok(match service {
        Service::Storefront => storefront::router(storefront::Counter::new(rialto)),
        Service::Stock => stock::router(database(stock::TABLES)?),
        Service::Account => account::router(database(account::TABLES)?),
        Service::Order => {
            let desk = order::Desk::new(database(order::TABLES)?, rialto);
            tokio::spawn(order::carry_on(desk.clone()));
            order::router(desk)
        }
    })
}

/// What we call while we serve a request takes no longer than the caller waits, and is part of its
/// trace.
async fn in_context(request: Request, next: Next) -> Response {
    CallContext::from_headers(request.headers()).scope(next.run(request)).await
}

fn tell(service: Service, address: SocketAddr, file: Option<&Path>) -> io::Result<()> {
    writeln!(io::stdout(), "{} serves on {address}", service.name())?;
    if let Some(file) = file {
        // Written aside and renamed: whoever waits for the file never reads half of it.
        let aside = file.with_extension("new");
        std::fs::write(&aside, address.to_string())?;
        std::fs::rename(aside, file)?;
    }
    Ok(())
}

async fn told_to_stop() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
