//! What people and monitors look at: the server's own status, a health check, and a small page
//! that leads to the console.

use rialto_catalog::{ExpiryMode, Status};
use rialto_door::http::Answer;
use rialto_telemetry::process;

use super::call::Call;
use super::desk::Desk;
use super::negotiate;
use crate::codec::{
    DataCenter, DataCenterName, InstanceInfo, Media, Port, StatusInfo, write_status,
};

const HTML: &str = "text/html;charset=UTF-8";

impl Desk {
    /// `status`
    pub(super) fn server(&self, call: &Call<'_>) -> Answer {
        let Some(media) = negotiate::media(call.headers.accept) else {
            return self.problem(call, 406);
        };
        let (expiry, preserving) = self.engine.read(|state| match &state.policy().expiry {
            ExpiryMode::Exact => ("exact", None),
            ExpiryMode::Netflix(_) => ("netflix", state.netflix().map(|it| it.protected)),
        });
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let minutes = self.now_ms().saturating_sub(self.started_ms) / 60_000;
        let mut general = vec![
            ("num-of-cpus", cpus.to_string()),
            ("current-memory-usage", format!("{}mb", process::memory_bytes() / 1_048_576)),
            ("server-uptime", format!("{:02}:{:02}", minutes / 60, minutes % 60)),
            ("lease-expiry", expiry.to_owned()),
            ("instances-by-status", self.fetch.hash()),
        ];
        if let Some(preserving) = preserving {
            general.push(("self-preservation", preserving.to_string()));
        }
        // There are no Eureka peers; this server's own cluster is not made of them.
        let replicas = ["registered-replicas", "available-replicas", "unavailable-replicas"]
            .map(|name| (name, String::new()));
        let info = self.own_info();
        let status = StatusInfo { general: &general, replicas: &replicas, instance: info.shape() };
        Answer::owned(200, media.content_type(), write_status(media, &status))
    }

    /// The server as an instance, which is not in its registry.
    fn own_info(&self) -> InstanceInfo {
        let (host, port) = (self.address.ip().to_string(), self.address.port());
        let base = format!("http://{}", self.address);
        InstanceInfo {
            instance_id: Some(format!("{host}:eureka:{port}")),
            host_name: Some(host.clone()),
            app: Some("EUREKA".to_owned()),
            ip_addr: Some(host),
            status: Status::Up,
            port: Port { number: i32::from(port), enabled: true },
            secure_port: Port { number: 443, enabled: false },
            data_center: Some(DataCenter {
                amazon: false,
                name: Some(DataCenterName::MyOwn),
                metadata: Vec::new(),
            }),
            metadata: vec![("management.port".to_owned(), port.to_string())],
            home_page_url: Some(format!("{base}/")),
            status_page_url: Some(format!("{base}/eureka/status")),
            health_check_url: Some(format!("{base}/actuator/health")),
            vip: Some("eureka".to_owned()),
            secure_vip: Some("eureka".to_owned()),
            last_dirty_ms: i64::try_from(self.started_ms).ok(),
            ..InstanceInfo::default()
        }
    }

    /// Spring's health check: many deployments ask for it before they call a server good.
    pub(super) fn health(&self) -> Answer {
        let body = r#"{"groups":["liveness","readiness"],"status":"UP"}"#;
        Answer::text(200, Media::Json.content_type(), body)
    }

    /// In the place of Spring's dashboard.
    pub(super) fn dashboard(&self) -> Answer {
        let mut page = String::from(
            "<!doctype html><html lang=\"en\"><head><title>Rialto, Eureka door</title></head>\
             <body><h1>Rialto</h1><p>Eureka clients register here: <code>/eureka/</code>. ",
        );
        if let Some(url) = &self.console_url {
            page.push_str("Services and instances are shown in the <a href=\"");
            page.push_str(url);
            page.push_str("\">console</a>.");
        }
        page.push_str("</p></body></html>");
        Answer::owned(200, HTML, page.into_bytes())
    }
}
