//! Reads registrations in XML: no document types, so no entities of the sender's own, and a
//! bounded depth.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::names::decode_name;
use super::value::{lenient_i32, put, seconds};
use super::{
    DURATION_S_DEFAULT, DataCenter, InstanceInfo, Media, Port, RENEWAL_S_DEFAULT, Refused,
};
use crate::limits::XML_DEPTH_MAX;

/// An `<instance>`. What follows it is ignored, as the real server does.
pub(super) fn instance(body: &[u8]) -> Result<InstanceInfo, Refused> {
    let text = std::str::from_utf8(body).map_err(|error| Refused::new(error.to_string()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut elements = Elements::new(text);
    read(&mut elements).map_err(Refused::new)
}

/// Decodes arbitrary bytes as a registration, and checks that what was understood can be written
/// and read again. For the fuzz target and for the replay of its corpus.
pub fn fuzz_xml(data: &[u8]) {
    if let Ok(info) = instance(data) {
        assert_round_trip(&info);
    }
}

/// Writes what was read and reads it again: nothing may change but what cannot be written.
pub(super) fn assert_round_trip(info: &InstanceInfo) {
    let written = super::instance(Media::Json, &info.shape());
    let again = super::json_read::instance(&written).expect("our own JSON is read by us");
    assert_eq!(written, super::instance(Media::Json, &again.shape()), "JSON changed on its way");
    let written = super::instance(Media::Xml, &info.shape());
    let again = instance(&written).expect("our own XML is read by us");
    assert_eq!(written, super::instance(Media::Xml, &again.shape()), "XML changed on its way");
}

fn read(elements: &mut Elements<'_>) -> Result<InstanceInfo, String> {
    let root = elements.root()?;
    if root != "instance" && root != "com.netflix.appinfo.InstanceInfo" {
        return Err(format!("expected the element `instance`, not `{root}`"));
    }
    let mut info = InstanceInfo::default();
    while let Some(element) = elements.next_child()? {
        match element.name() {
            "port" => {
                let enabled = element.attribute("enabled")?.is_none_or(|text| text != "false");
                let number = lenient_i32(&elements.text()?);
                info.port = Port { number, enabled };
            }
            "securePort" => {
                let enabled = element.attribute("enabled")?.is_some_and(|text| text == "true");
                let number = lenient_i32(&elements.text()?);
                info.secure_port = Port { number, enabled };
            }
            "dataCenterInfo" => {
                let class = element.attribute("class")?;
                info.data_center = Some(center(elements, class.as_deref())?);
            }
            "leaseInfo" => lease(elements, &mut info)?,
            "metadata" => info.metadata = entries(elements)?,
            name if info.known(name) => {
                let value = elements.text()?;
                info.set(name, Some(value));
            }
            _ => elements.skip()?,
        }
    }
    Ok(info)
}

fn center(elements: &mut Elements<'_>, class: Option<&str>) -> Result<DataCenter, String> {
    let (mut name, mut metadata) = (None, None);
    while let Some(element) = elements.next_child()? {
        match element.name() {
            "name" => name = Some(elements.text()?),
            "metadata" => metadata = Some(entries(elements)?),
            _ => elements.skip()?,
        }
    }
    // Metadata of a data centre that is not Amazon's is dropped: XStream had no field for it.
    let amazon = class == Some(super::AMAZON_CLASS) || name.as_deref() == Some("Amazon");
    DataCenter::of(class, name.as_deref(), metadata.filter(|_| amazon))
}

fn lease(elements: &mut Elements<'_>, info: &mut InstanceInfo) -> Result<(), String> {
    while let Some(element) = elements.next_child()? {
        match element.name() {
            "renewalIntervalInSecs" => {
                info.renewal_s = seconds(&elements.text()?, RENEWAL_S_DEFAULT)?;
            }
            "durationInSecs" => info.duration_s = seconds(&elements.text()?, DURATION_S_DEFAULT)?,
            _ => elements.skip()?,
        }
    }
    Ok(())
}

fn entries(elements: &mut Elements<'_>) -> Result<Vec<(String, String)>, String> {
    let mut entries = Vec::new();
    while let Some(element) = elements.next_child()? {
        let key = decode_name(element.name()).into_owned();
        let value = elements.text()?;
        if key != "@class" {
            put(&mut entries, key, value)?;
        }
    }
    Ok(entries)
}

/// Walks through a document element by element. Every method leaves the reader right behind an
/// element's begin or end, so that the caller's loops mirror the document.
struct Elements<'a> {
    reader: Reader<&'a [u8]>,
    depth: usize,
}

/// The begin of an element.
struct Element<'a>(BytesStart<'a>);

impl Element<'_> {
    fn name(&self) -> &str {
        self.0.name().into_inner()
    }

    fn attribute(&self, name: &str) -> Result<Option<String>, String> {
        let found = self.0.try_get_attribute(name).map_err(|error| error.to_string())?;
        let Some(attribute) = found else { return Ok(None) };
        let value = attribute.normalized_value(XmlVersion::Implicit1_0);
        value.map(|value| Some(value.into_owned())).map_err(|error| error.to_string())
    }
}

impl<'a> Elements<'a> {
    fn new(text: &'a str) -> Self {
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Elements { reader, depth: 0 }
    }

    /// Enters the outermost element and tells its name.
    fn root(&mut self) -> Result<String, String> {
        loop {
            match self.event()? {
                Event::Start(start) => return Ok(start.name().into_inner().to_owned()),
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
                Event::Text(text) if text.xml10_content().trim().is_empty() => {}
                _ => return Err("expected an element".to_owned()),
            }
        }
    }

    /// Enters the next child of the element at hand; `None` when that element ended.
    fn next_child(&mut self) -> Result<Option<Element<'a>>, String> {
        loop {
            match self.event()? {
                Event::Start(start) => return Ok(Some(Element(start))),
                Event::End(_) => return Ok(None),
                Event::Eof => return Err("the document ends in the middle".to_owned()),
                _ => {}
            }
        }
    }

    /// The text of the element at hand, up to and with its end.
    fn text(&mut self) -> Result<String, String> {
        let mut text = String::new();
        loop {
            match self.event()? {
                Event::Text(part) => text.push_str(&part.xml10_content()),
                Event::CData(part) => text.push_str(&part.xml10_content()),
                Event::GeneralRef(reference) => {
                    let character = reference.resolve_char_ref().map_err(|it| it.to_string())?;
                    match character {
                        Some(character) => text.push(character),
                        None => text.push_str(predefined(&reference.xml10_content())?),
                    }
                }
                Event::Comment(_) | Event::PI(_) => {}
                Event::End(_) => return Ok(text),
                _ => return Err("expected a text".to_owned()),
            }
        }
    }

    /// Leaves the element at hand unread.
    fn skip(&mut self) -> Result<(), String> {
        let outside = self.depth - 1;
        while self.depth > outside {
            if let Event::Eof = self.event()? {
                return Err("the document ends in the middle".to_owned());
            }
        }
        Ok(())
    }

    fn event(&mut self) -> Result<Event<'a>, String> {
        let event = self.reader.read_event().map_err(|error| error.to_string())?;
        match &event {
            Event::Start(_) if self.depth == XML_DEPTH_MAX => {
                return Err(format!("more than {XML_DEPTH_MAX} elements inside one another"));
            }
            Event::Start(_) => self.depth += 1,
            Event::End(_) => self.depth = self.depth.saturating_sub(1),
            Event::DocType(_) => return Err("document types are not taken".to_owned()),
            _ => {}
        }
        Ok(event)
    }
}

fn predefined(name: &str) -> Result<&'static str, String> {
    Ok(match name {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => return Err(format!("unknown entity `&{name};`")),
    })
}
