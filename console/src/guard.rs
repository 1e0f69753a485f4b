//! Who is asking, and what every answer carries: sessions from cookies, forms proven to be ours,
//! and headers that let the browser do nothing but show the page.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode, Uri};
use rialto_security::{Action, Resource};

use crate::context::App;
use crate::messages::Lang;
use crate::view::{Theme, View};

pub(crate) const SESSION_COOKIE: &str = "rialto_session";
pub(crate) const LANG_COOKIE: &str = "rialto_lang";
pub(crate) const THEME_COOKIE: &str = "rialto_theme";

/// No inline script or style, no other host, no frames, no plug-ins.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A reader, signed in or not.
pub(crate) struct Reader {
    pub(crate) view: View,
    pub(crate) cookie: Option<String>,
    pub(crate) peer: IpAddr,
    /// Whether the browser says that the request comes from our own pages.
    pub(crate) same_site: bool,
}

/// A reader who is signed in; others are sent to the sign-in page.
pub(crate) struct Member {
    pub(crate) view: View,
    pub(crate) cookie: String,
    pub(crate) peer: IpAddr,
    same_site: bool,
}

/// Adds the headers that every answer carries.
pub(crate) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let fixed: [(HeaderName, &str); 6] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    let headers = response.headers_mut();
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

impl FromRequestParts<App> for Reader {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let headers = &parts.headers;
        let cookie = cookie(headers, SESSION_COOKIE).map(str::to_owned);
        let session = cookie.as_deref().and_then(|cookie| {
            // A live stream is not use: a page that nobody looks at must come to its end.
            if parts.uri.path().starts_with("/live/") {
                app.context.security.peek_session(cookie)
            } else {
                app.context.security.session(cookie)
            }
        });
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
        let view = View {
            lang: language(headers),
            theme: cookie_value(headers, THEME_COOKIE, Theme::parse).unwrap_or(Theme::System),
            here: here(&parts.uri),
            session,
            now_ms: app.context.engine.now().0,
            version: app.context.version.clone(),
            live: false,
        };
        Ok(Self { view, cookie, peer, same_site: same_site(headers) })
    }
}

impl FromRequestParts<App> for Member {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let Ok(reader) = Reader::from_request_parts(parts, app).await;
        match reader.cookie {
            Some(cookie) if reader.view.session.is_some() => {
                let Reader { view, peer, same_site, .. } = reader;
                Ok(Self { view, cookie, peer, same_site })
            }
            _ if parts.uri.path().starts_with("/live/") => {
                Err(StatusCode::UNAUTHORIZED.into_response())
            }
            // After a form, there is no page to come back to.
            _ if parts.method != Method::GET => Err(to_sign_in(&Uri::from_static("/"))),
            _ => Err(to_sign_in(&parts.uri)),
        }
    }
}

impl Member {
    /// Whether the reader may do this: the one question before anything is shown or changed. The
    /// error is what [`crate::pages::error_page`] answers with.
    pub(crate) fn allowed(
        &self,
        app: &App,
        action: Action,
        resource: &Resource<'_>,
    ) -> Result<(), StatusCode> {
        let identity = self.view.session.as_ref().map(|session| &session.identity);
        let allowed = identity.is_some_and(|identity| {
            app.context.security.authorize(identity, action, resource).is_allowed()
        });
        if allowed { Ok(()) } else { Err(StatusCode::FORBIDDEN) }
    }

    /// Whether a form was sent from this session's own page.
    pub(crate) fn proven(&self, csrf: &str) -> Result<(), StatusCode> {
        let session = self.view.session.as_ref();
        let ours = self.same_site && session.is_some_and(|session| session.csrf.matches(csrf));
        if ours { Ok(()) } else { Err(StatusCode::CONFLICT) }
    }
}

/// A `Set-Cookie` value. Without an age the cookie ends with the browser's session.
pub(crate) fn set_cookie(name: &str, value: &str, age_s: Option<u64>, script: bool) -> HeaderValue {
    let age = age_s.map_or(String::new(), |age_s| format!("; Max-Age={age_s}"));
    let hidden = if script { "" } else { "; HttpOnly" };
    let text = format!("{name}={value}; Path=/; SameSite=Strict{hidden}{age}");
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

/// A path of this console to go to, or the overview: never another site.
pub(crate) fn local_path(path: &str) -> &str {
    let local = path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains(['\\', '\r', '\n'])
        && path.bytes().all(|byte| byte.is_ascii_graphic());
    if local { path } else { "/" }
}

/// Where the reader is, as the browser's address bar has it.
pub(crate) fn here(uri: &Uri) -> String {
    uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string)
}

fn to_sign_in(uri: &Uri) -> Response {
    let next = here(uri);
    let next = crate::pages::encode(local_path(&next));
    Redirect::to(&format!("/sign-in?next={next}")).into_response()
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

fn cookie_value<T>(
    headers: &HeaderMap,
    name: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    cookie(headers, name).and_then(parse)
}

fn language(headers: &HeaderMap) -> Lang {
    cookie_value(headers, LANG_COOKIE, Lang::from_tag).unwrap_or_else(|| {
        let header = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Lang::accepted(header.unwrap_or_default())
    })
}

/// Browsers say where a form was sent from; what they call cross-site is refused even with a token.
fn same_site(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    match (text("origin"), text("host")) {
        (Some(origin), Some(host)) => {
            origin.split_once("://").is_some_and(|(_, authority)| authority == host)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn only_local_paths_are_gone_to() {
        assert_eq!(local_path("/services?q=a"), "/services?q=a");
        for other in ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nb"] {
            assert_eq!(local_path(other), "/", "{other:?}");
        }
    }

    #[test]
    fn other_sites_are_recognised() {
        assert!(same_site(&headers(&[("sec-fetch-site", "same-origin")])));
        assert!(!same_site(&headers(&[("sec-fetch-site", "cross-site")])));
        assert!(!same_site(&headers(&[("sec-fetch-site", "same-site")])));
        let (host, evil) = (("host", "127.0.0.1:7000"), ("origin", "http://evil.example"));
        assert!(!same_site(&headers(&[host, evil])));
        assert!(!same_site(&headers(&[host, ("origin", "null")])));
        assert!(same_site(&headers(&[host, ("origin", "http://127.0.0.1:7000")])));
        assert!(same_site(&headers(&[host])));
    }

    #[test]
    fn cookies_are_found_and_choose_the_language() {
        let sent = headers(&[("cookie", "a=b; rialto_lang=zh-CN"), ("accept-language", "en")]);
        assert_eq!(language(&sent), Lang::Zh);
        let broken = headers(&[("cookie", "rialto_lang=xx;;="), ("accept-language", "en")]);
        assert_eq!(language(&broken), Lang::En);
        let session = set_cookie(SESSION_COOKIE, "x", None, false);
        assert_eq!(session, "rialto_session=x; Path=/; SameSite=Strict; HttpOnly");
    }
}
