//! What `rialto config explain` prints: each value, where it came from, and what it does.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::{Kind, Placed, Resolved};

/// Text for people: `key = value`, the place, the description.
pub fn to_text(resolved: &Resolved) -> String {
    let mut text = String::new();
    for placed in &resolved.values {
        let Placed { setting, value, place } = placed;
        let shown = value.to_string();
        let shown = if shown.is_empty() { "(none)".to_owned() } else { shown };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{} = {shown}", setting.key);
        let or_flag = if setting.kind == Kind::Secret { "" } else { " or --set" };
        let _ = writeln!(text, "    from {place}; {}{or_flag}", setting.variable());
        let _ = writeln!(text, "    {}", setting.about);
    }
    if resolved.routes.is_empty() {
        text.push_str("routes: none. Add one with --route '/shop/**=lb://storefront'\n");
        return text;
    }
    text.push_str("routes:\n");
    for route in &resolved.routes {
        let paths = match route.spec.paths.is_empty() {
            true => "every path".to_owned(),
            false => route.spec.paths.join(" "),
        };
        let _ = writeln!(text, "    {}: {paths} -> {}", route.spec.id, route.spec.uri);
        let _ = writeln!(text, "        from {}", route.place);
    }
    text
}

/// The same for tools.
pub fn to_json(resolved: &Resolved) -> Json {
    let settings = resolved.values.iter().map(|placed| {
        json!({
            "key": placed.setting.key,
            "value": placed.value.to_string(),
            "source": placed.place.to_string(),
            "variable": placed.setting.variable(),
            "about": placed.setting.about,
        })
    });
    let routes = resolved
        .routes
        .iter()
        .map(|route| json!({ "route": route.spec, "source": route.place.to_string() }));
    json!({ "settings": settings.collect::<Vec<_>>(), "routes": routes.collect::<Vec<_>>() })
}
