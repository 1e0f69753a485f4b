//! What a person needs to know once the server runs, and no more.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;

use super::Doors;

/// What the banner says.
#[derive(Debug)]
pub(crate) struct Banner<'a> {
    /// Product version.
    pub(crate) version: &'a str,
    /// Data folder.
    pub(crate) data: &'a Path,
    /// Doors with their bound addresses, or `off`.
    pub(crate) doors: &'a Doors,
    /// The administrator's password, if this start made it.
    pub(crate) password: Option<&'a str>,
    /// Milliseconds from the process's start to serving.
    pub(crate) started_in_ms: u128,
}

impl Banner<'_> {
    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "Rialto {} serves after {} ms", self.version, self.started_in_ms);
        let _ = writeln!(text, "  data        {}", self.data.display());
        for (door, about) in [
            ("eureka", "/eureka/ for Eureka clients"),
            ("nacos", "/nacos/ for Nacos clients"),
            ("nacos-grpc", "gRPC of Nacos clients"),
            ("gateway", "requests from outside"),
            ("api", "REST, gRPC, metrics"),
        ] {
            let _ = match self.doors.get(door) {
                Some(at) => writeln!(text, "  {door:<10}  http://{at}  {about}"),
                None => writeln!(text, "  {door:<10}  off"),
            };
        }
        if let Some(api) = self.doors.get("api") {
            let _ = writeln!(text, "  console     http://{api}/");
            let _ = match self.password {
                Some(password) => writeln!(
                    text,
                    "  sign in     as admin, with the password {password}\n              \
                     (made at this first start, shown only now; RIALTO_ADMIN_PASSWORD sets another)"
                ),
                None => writeln!(
                    text,
                    "  sign in     as admin, with your password (forgotten: set \
                     RIALTO_ADMIN_PASSWORD and start again)"
                ),
            };
        }
        text
    }

    /// For machines: one line.
    pub(crate) fn json(&self) -> String {
        let mut line = json!({
            "message": "serving",
            "version": self.version,
            "data": self.data.display().to_string(),
            "doors": self.doors,
            "started_in_ms": u64::try_from(self.started_in_ms).unwrap_or(u64::MAX),
        });
        if let Some(password) = self.password {
            line["generated_admin_password"] = password.into();
        }
        line.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_door_and_how_to_sign_in() {
        let doors = Doors::from([("api".to_owned(), "127.0.0.1:7000".to_owned())]);
        let mut banner = Banner {
            version: "1.0",
            data: Path::new("/d"),
            doors: &doors,
            password: Some("correct-horse"),
            started_in_ms: 12,
        };
        let text = banner.text();
        for part in ["Rialto 1.0", "/d", "eureka      off", "console     http://127.0.0.1:7000/"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.contains("correct-horse") && banner.json().contains("correct-horse"));
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        banner.password = None;
        assert!(banner.text().contains("RIALTO_ADMIN_PASSWORD"));
        assert!(!banner.json().contains("password"));
    }
}
