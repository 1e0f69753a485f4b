//! Replication batches between Eureka servers, read and answered. One node has no peers to send
//! to, but a real server may send to it while its clients are being moved over.

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::json_read;
use super::listing::Shape;
use super::value::{Scalar, refuse};
use super::{InstanceInfo, Media, Refused, json_write, xml_write};
use crate::limits::BATCH_ITEMS_MAX;

/// What a peer reports.
#[derive(Debug, Default)]
pub struct Batch {
    /// In the order in which they happened.
    pub items: Vec<BatchItem>,
}

/// One call that a client made at the peer. Absent members are `None`.
#[derive(Debug, Default)]
pub struct BatchItem {
    /// The application.
    pub app: Option<String>,
    /// The instance.
    pub id: Option<String>,
    /// The sender's copy of the instance's own clock, in ms.
    pub last_dirty_ms: Option<i64>,
    /// The override that the sender has stored.
    pub overridden: Option<String>,
    /// The status that the sender has, or the new one.
    pub status: Option<String>,
    /// Only with [`Action::Register`].
    pub info: Option<InstanceInfo>,
    /// What happened.
    pub action: Option<Action>,
}

/// The five things that are replicated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A renewal.
    Heartbeat,
    /// A registration.
    Register,
    /// An instance left.
    Cancel,
    /// An operator set a status.
    StatusUpdate,
    /// An operator took a status back.
    DeleteStatusOverride,
}

impl Batch {
    /// Reads a batch. Peers send JSON only.
    ///
    /// # Errors
    /// When the body is none, has too many items, or an item has an unknown member or action.
    pub fn decode(media: Media, body: &[u8]) -> Result<Self, Refused> {
        match media {
            Media::Json => json_read::batch(body),
            Media::Xml => Err(Refused::new("batches are JSON")),
        }
    }
}

impl<'de> Deserialize<'de> for Batch {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Batches;
        impl<'de> Visitor<'de> for Batches {
            type Value = Batch;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object with the one member `replicationList`")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Batch, A::Error> {
                let mut items = None;
                while let Some(key) = map.next_key::<String>()? {
                    if key != "replicationList" {
                        return Err(refuse(format_args!("unknown `{key}` in a batch")));
                    }
                    items = Some(map.next_value::<Items>()?.0);
                }
                let items = items.ok_or_else(|| refuse("missing `replicationList`"))?;
                Ok(Batch { items })
            }
        }
        from.deserialize_map(Batches)
    }
}

struct Items(Vec<BatchItem>);

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Items;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an array of replicated calls")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    if items.len() == BATCH_ITEMS_MAX {
                        return Err(refuse(format_args!("more than {BATCH_ITEMS_MAX} items")));
                    }
                    items.push(item);
                }
                Ok(Items(items))
            }
        }
        from.deserialize_seq(List)
    }
}

impl<'de> Deserialize<'de> for BatchItem {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Item;
        impl<'de> Visitor<'de> for Item {
            type Value = BatchItem;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a replicated call")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<BatchItem, A::Error> {
                let mut item = BatchItem::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "appName" => item.app = map.next_value::<Scalar>()?.0,
                        "id" => item.id = map.next_value::<Scalar>()?.0,
                        "overriddenStatus" => item.overridden = map.next_value::<Scalar>()?.0,
                        "status" => item.status = map.next_value::<Scalar>()?.0,
                        "instanceInfo" => item.info = map.next_value()?,
                        "lastDirtyTimestamp" => {
                            let Scalar(text) = map.next_value()?;
                            let number = text.map(|text| text.parse()).transpose();
                            item.last_dirty_ms = number.map_err(refuse)?;
                        }
                        "action" => {
                            let Scalar(word) = map.next_value()?;
                            item.action = word.map(|word| action(&word)).transpose()?;
                        }
                        _ => return Err(refuse(format_args!("unknown `{key}` in an item"))),
                    }
                }
                Ok(item)
            }
        }
        from.deserialize_map(Item)
    }
}

fn action<E: de::Error>(word: &str) -> Result<Action, E> {
    Ok(match word {
        "Heartbeat" => Action::Heartbeat,
        "Register" => Action::Register,
        "Cancel" => Action::Cancel,
        "StatusUpdate" => Action::StatusUpdate,
        "DeleteStatusOverride" => Action::DeleteStatusOverride,
        _ => return Err(refuse(format_args!("unknown action `{word}`"))),
    })
}

/// The answer to a batch, written item by item.
#[derive(Debug)]
pub struct BatchAnswer {
    media: Media,
    out: Vec<u8>,
    count: usize,
}

/// The answer to one item.
#[derive(Debug)]
pub struct ItemAnswer<'a> {
    /// What a single call would have been answered with.
    pub status: u16,
    /// Our copy of the instance, where the sender is to take it over.
    pub entity: Option<Shape<'a>>,
}

const ROOT: &str = "com.netflix.eureka.cluster.protocol.ReplicationListResponse";
const ITEM: &str = "com.netflix.eureka.cluster.protocol.ReplicationInstanceResponse";

impl BatchAnswer {
    /// An answer without items.
    #[must_use]
    pub fn new(media: Media) -> Self {
        let out = match media {
            Media::Json => b"{\"responseList\":[".to_vec(),
            Media::Xml => format!("<{ROOT}>\n  <responseList").into_bytes(),
        };
        BatchAnswer { media, out, count: 0 }
    }

    /// Adds the answer to the next item.
    pub fn push(&mut self, item: &ItemAnswer<'_>) {
        let mut number = itoa::Buffer::new();
        let status = number.format(item.status).as_bytes();
        let first = self.count == 0;
        self.count += 1;
        match self.media {
            Media::Json => {
                self.out.extend_from_slice(if first { b"{" } else { b",{" });
                self.out.extend_from_slice(b"\"statusCode\":");
                self.out.extend_from_slice(status);
                if let Some(shape) = &item.entity {
                    self.out.extend_from_slice(b",\"responseEntity\":");
                    json_write::full(&mut self.out, shape);
                }
                self.out.push(b'}');
            }
            Media::Xml => {
                self.out.extend_from_slice(if first { b">" } else { b"" });
                self.out
                    .extend_from_slice(format!("\n    <{ITEM}>\n      <statusCode>").as_bytes());
                self.out.extend_from_slice(status);
                self.out.extend_from_slice(b"</statusCode>");
                if let Some(shape) = &item.entity {
                    xml_write::full(&mut self.out, shape, "responseEntity", 3);
                }
                self.out.extend_from_slice(format!("\n    </{ITEM}>").as_bytes());
            }
        }
    }

    /// The whole answer.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        match self.media {
            Media::Json => self.out.extend_from_slice(b"]}"),
            Media::Xml => {
                let end = if self.count == 0 { "/>" } else { "\n  </responseList>" };
                self.out.extend_from_slice(format!("{end}\n</{ROOT}>").as_bytes());
            }
        }
        self.out
    }
}
