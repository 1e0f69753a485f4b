//! Lists as Nacos's interfaces page them: each version has its own frame.

use serde_json::Value as Json;

/// One page, and how many entries there are in all where the server says so.
#[derive(Debug, PartialEq)]
pub(super) struct Page {
    pub(super) entries: Vec<Json>,
    pub(super) total: Option<usize>,
}

impl Page {
    /// Reads any frame: a bare array, `pageItems` with `totalCount`, `serviceList` or `list` with
    /// `count`. Anything else is a page without entries.
    pub(super) fn of(answer: &Json) -> Self {
        let bare = answer.as_array();
        let framed = ["pageItems", "serviceList", "list"]
            .into_iter()
            .find_map(|name| answer.get(name).and_then(Json::as_array));
        let total = ["totalCount", "count"]
            .into_iter()
            .find_map(|name| answer.get(name).and_then(Json::as_u64))
            .and_then(|total| usize::try_from(total).ok());
        Self {
            // All that there is comes in a bare array.
            total: if bare.is_some() { bare.map(Vec::len) } else { total },
            entries: bare.or(framed).cloned().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_frame_is_known() {
        for frame in [
            json!([1, 2]),
            json!({"totalCount": 2, "pageNumber": 1, "pageItems": [1, 2]}),
            json!({"count": 2, "serviceList": [1, 2]}),
            json!({"list": [1, 2], "count": 2}),
        ] {
            let page = Page::of(&frame);
            assert_eq!(page, Page { entries: vec![json!(1), json!(2)], total: Some(2) }, "{frame}");
        }
        assert_eq!(Page::of(&json!("ok")), Page { entries: Vec::new(), total: None });
    }
}
