//! Style sheet, script and icon: embedded in the binary, with a hash of their content in their
//! names, so that browsers keep them for good and never show an old one.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{StatusCode, header};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

#[derive(RustEmbed)]
#[folder = "assets"]
struct Files;

struct Asset {
    body: Bytes,
    content_type: &'static str,
}

struct Assets {
    by_hashed_name: HashMap<String, Asset>,
    hashed_names: HashMap<String, String>,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(load);

/// The address of an asset by its plain name.
pub(crate) fn url(name: &str) -> String {
    let hashed = ASSETS.hashed_names.get(name).map_or(name, String::as_str);
    format!("/assets/{hashed}")
}

/// Answers `/assets/{name}`.
pub(crate) async fn serve(Path(name): Path<String>) -> Response {
    match ASSETS.by_hashed_name.get(&name) {
        Some(asset) => (
            [
                (header::CONTENT_TYPE, asset.content_type),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ],
            asset.body.clone(),
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn load() -> Assets {
    let mut assets = Assets { by_hashed_name: HashMap::new(), hashed_names: HashMap::new() };
    for name in Files::iter() {
        let Some(file) = Files::get(&name) else { continue };
        let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
        let digest = hex::encode(Sha256::digest(&file.data));
        let hashed = format!("{stem}.{}.{extension}", &digest[..12]);
        let content_type = match extension {
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            _ => "application/octet-stream",
        };
        let asset = Asset { body: Bytes::from(file.data.into_owned()), content_type };
        assets.hashed_names.insert(name.to_string(), hashed.clone());
        assets.by_hashed_name.insert(hashed, asset);
    }
    assets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_carry_the_content_and_nothing_else_is_served() {
        let address = url("console.css");
        let name = address.strip_prefix("/assets/").unwrap();
        assert!(name.starts_with("console.") && name.len() == "console.css".len() + 13, "{name}");
        assert_eq!(serve(Path(name.to_owned())).await.status(), StatusCode::OK);
        for other in ["console.css", "../Cargo.toml", "console.000000000000.css", ""] {
            assert_eq!(serve(Path(other.to_owned())).await.status(), StatusCode::NOT_FOUND);
        }
    }

    #[test]
    fn scripts_stay_small() {
        const SCRIPT_BYTES_MAX: usize = 24 * 1024;
        let bytes: usize = Files::iter()
            .filter(|name| name.ends_with(".js"))
            .map(|name| Files::get(&name).unwrap().data.len())
            .sum();
        assert!(bytes <= SCRIPT_BYTES_MAX, "{bytes} bytes of script");
    }
}
