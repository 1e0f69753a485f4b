//! Which resource a path names, and what may be done to it.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A resource of the protocol. Segments are decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Resource<'a> {
    Apps,
    Delta,
    App(Cow<'a, str>),
    Instance(Cow<'a, str>, Cow<'a, str>),
    Status(Cow<'a, str>, Cow<'a, str>),
    Metadata(Cow<'a, str>, Cow<'a, str>),
    ById(Cow<'a, str>),
    Vip(Cow<'a, str>),
    SecureVip(Cow<'a, str>),
    ScalingGroup,
    Batch,
    Server,
    Health,
    Dashboard,
}

/// Most segments below the prefix of any path.
const SEGMENTS_MAX: usize = 4;

impl<'a> Resource<'a> {
    /// Finds the resource of a path without its query.
    pub(super) fn of(path: &'a str) -> Option<Self> {
        let Some(below) = path.strip_prefix("/eureka/") else {
            return match path {
                "/" | "/lastn" => Some(Resource::Dashboard),
                "/actuator/health" | "/actuator/health/" => Some(Resource::Health),
                _ => None,
            };
        };
        let below = below.strip_prefix("v2/").unwrap_or(below);
        let below = below.strip_suffix('/').unwrap_or(below);
        let mut segments = [""; SEGMENTS_MAX];
        let mut count = 0;
        for segment in below.split('/') {
            if segment.is_empty() || count == SEGMENTS_MAX {
                return None;
            }
            segments[count] = segment;
            count += 1;
        }
        Some(match &segments[..count] {
            ["apps"] => Resource::Apps,
            ["apps", "delta"] => Resource::Delta,
            ["apps", app] => Resource::App(decode(app)?),
            ["apps", app, id] => Resource::Instance(decode(app)?, decode(id)?),
            ["apps", app, id, "status"] => Resource::Status(decode(app)?, decode(id)?),
            ["apps", app, id, "metadata"] => Resource::Metadata(decode(app)?, decode(id)?),
            ["instances", id] => Resource::ById(decode(id)?),
            ["vips", vip] => Resource::Vip(decode(vip)?),
            ["svips", vip] => Resource::SecureVip(decode(vip)?),
            ["asg", _, "status"] => Resource::ScalingGroup,
            ["peerreplication", "batch"] => Resource::Batch,
            ["status"] => Resource::Server,
            _ => return None,
        })
    }

    /// The methods it takes, as Spring's server says it on a wrong one and on OPTIONS.
    pub(super) fn allow(&self, options: bool) -> &'static str {
        let (wrong, asked) = match self {
            Resource::App(_) => ("POST,GET,OPTIONS", "HEAD,POST,GET,OPTIONS"),
            Resource::Instance(..) => ("DELETE,GET,OPTIONS,PUT", "HEAD,DELETE,GET,OPTIONS,PUT"),
            Resource::Status(..) => ("DELETE,OPTIONS,PUT", "DELETE,OPTIONS,PUT"),
            Resource::Metadata(..) | Resource::ScalingGroup => ("OPTIONS,PUT", "OPTIONS,PUT"),
            Resource::Batch => ("POST,OPTIONS", "POST,OPTIONS"),
            _ => ("GET,OPTIONS", "HEAD,GET,OPTIONS"),
        };
        if options { asked } else { wrong }
    }
}

/// `None` for an escape that is no UTF-8 text.
fn decode(segment: &str) -> Option<Cow<'_, str>> {
    if segment.contains('%') {
        percent_decode_str(segment).decode_utf8().ok()
    } else {
        Some(Cow::Borrowed(segment))
    }
}

/// The first value of a query parameter, decoded as a form.
pub(super) fn parameter<'a>(query: Option<&'a str>, name: &str) -> Option<Cow<'a, str>> {
    parameters(query).find(|(key, _)| key == name).map(|(_, value)| value)
}

/// All query parameters in order, decoded as a form.
pub(super) fn parameters(
    query: Option<&str>,
) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.into_iter().flat_map(|query| query.split('&')).filter(|it| !it.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (form(key), form(value))
    })
}

fn form(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart() {
        let text = |text: &'static str| Cow::Borrowed(text);
        for (path, expected) in [
            ("/eureka/apps", Some(Resource::Apps)),
            ("/eureka/v2/apps/", Some(Resource::Apps)),
            ("/eureka/apps/delta/", Some(Resource::Delta)),
            ("/eureka/apps/A", Some(Resource::App(text("A")))),
            ("/eureka/apps/A/h%3Aa%2F%20", Some(Resource::Instance(text("A"), text("h:a/ ")))),
            ("/eureka/apps/A/i/status", Some(Resource::Status(text("A"), text("i")))),
            ("/eureka/v1/apps", None),
            ("/v2/apps", None),
            ("/eureka//apps", None),
            ("/eureka/APPS", None),
            ("/eureka", None),
            ("/eureka/", None),
            ("/eureka/vips", None),
            ("/eureka/apps/a/b/c/d", None),
            ("/eureka/apps/%ff", None),
        ] {
            assert_eq!(Resource::of(path), expected, "{path}");
        }
    }

    #[test]
    fn queries_are_forms() {
        let query = Some("k1=v1&k2=&k1=second&a%20b=c%26d&plus=1+2&bare");
        let all: Vec<_> = parameters(query).map(|(k, v)| format!("{k}>{v}")).collect();
        assert_eq!(all, ["k1>v1", "k2>", "k1>second", "a b>c&d", "plus>1 2", "bare>"]);
        assert_eq!(parameter(query, "k1").as_deref(), Some("v1"));
        assert_eq!(parameter(None, "k1"), None);
    }
}
