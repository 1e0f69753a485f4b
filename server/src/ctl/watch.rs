//! `rialto ctl watch`: a live view of services, routes and events, or plain lines.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table};
use rialto_api::rest::{EventView, Overview, RouteView, ServiceSummary};

use super::{Client, block_on, now_ms, print_event, show};
use crate::exit::{Exit, Failure};
use crate::output;
use crate::terminal::{Palette, Screen, can_draw};
use crate::words::{count, latency, size, span};

/// Between two questions to the server.
const REFRESH: Duration = Duration::from_secs(1);
/// Between two pictures, also the longest time until a key is seen.
const REDRAW: Duration = Duration::from_millis(200);
/// Events kept for the view.
const EVENTS_MAX: usize = 100;

/// What the view shows.
#[derive(Debug, Default)]
struct Seen {
    overview: Option<Overview>,
    services: Vec<ServiceSummary>,
    routes: Vec<RouteView>,
    events: Vec<EventView>,
    trouble: Option<String>,
}

/// Watches until Ctrl-C.
///
/// # Errors
/// When the server cannot be reached at the start.
pub(crate) fn run(client: &Client, plain: bool, json: bool) -> Result<(), Failure> {
    if plain || !can_draw() {
        return block_on(lines(client, json))?.unwrap_or(Ok(()));
    }
    let first = block_on(look(client))?;
    let Some(first) = first else { return Ok(()) };
    let seen = Arc::new(Mutex::new(first?));
    let (asker, shown) = (client.clone(), Arc::clone(&seen));
    // Ends with the process: it only asks.
    std::thread::spawn(move || block_on(keep_looking(&asker, &shown)));
    draw(&seen).map_err(|error| {
        Failure::new(Exit::Failed, format!("the terminal cannot be drawn on: {error}"))
    })
}

async fn look(client: &Client) -> Result<Seen, Failure> {
    let path = format!("/events?limit={EVENTS_MAX}");
    let mut events: Vec<EventView> = client.get(&path).await?;
    events.sort_by_key(|event| std::cmp::Reverse(event.id));
    Ok(Seen {
        overview: Some(client.get("/overview").await?),
        services: client.get("/services").await?,
        routes: client.get("/routes").await?,
        events,
        trouble: None,
    })
}

async fn keep_looking(client: &Client, seen: &Mutex<Seen>) {
    loop {
        tokio::time::sleep(REFRESH).await;
        match look(client).await {
            Ok(fresh) => *seen.lock() = fresh,
            // What was seen last stays, with a word on why it is old.
            Err(failure) => seen.lock().trouble = Some(failure.message().to_owned()),
        }
    }
}

/// Each event as it happens, and a line of traffic when there is some.
async fn lines(client: &Client, json: bool) -> Result<(), Failure> {
    let mut last = None;
    loop {
        let mut events: Vec<EventView> = client.get(&format!("/events?limit={EVENTS_MAX}")).await?;
        events.sort_by_key(|event| event.id);
        for event in events.iter().filter(|event| last.is_none_or(|last| event.id > last)) {
            print_event(event, json)?;
        }
        last = events.last().map(|event| event.id).or(last);
        if !json {
            let overview: Overview = client.get("/overview").await?;
            if overview.gateway.rate > 0.0 {
                output::line(&format!("gateway: {}", show::traffic(&overview.gateway)));
            }
        }
        tokio::time::sleep(REFRESH).await;
    }
}

fn draw(seen: &Mutex<Seen>) -> std::io::Result<()> {
    let palette = Palette::new();
    let mut screen = Screen::open()?;
    loop {
        screen.draw(|frame| picture(frame, &seen.lock(), palette))?;
        if screen.leave_asked(REDRAW)? {
            return Ok(());
        }
    }
}

fn picture(frame: &mut Frame<'_>, seen: &Seen, palette: Palette) {
    let tables = Constraint::Length(table_height(seen));
    let rows = [Constraint::Length(2), tables, Constraint::Min(5), Constraint::Length(1)];
    let [head, middle, bottom, foot] = Layout::vertical(rows).areas(frame.area());
    let halves = [Constraint::Percentage(45), Constraint::Percentage(55)];
    let [left, right] = Layout::horizontal(halves).areas(middle);
    header(frame, head, seen, palette);
    services(frame, left, seen, palette);
    routes(frame, right, seen, palette);
    events(frame, bottom, seen, palette);
    let hint = match &seen.trouble {
        Some(trouble) => Line::styled(format!("! {trouble}"), palette.bad()),
        None => Line::styled("q or Ctrl-C leaves", palette.dim()),
    };
    frame.render_widget(Paragraph::new(hint), foot);
}

fn table_height(seen: &Seen) -> u16 {
    let rows = seen.services.len().max(seen.routes.len()).clamp(1, 12);
    u16::try_from(rows).unwrap_or(12) + 3
}

fn header(frame: &mut Frame<'_>, area: Rect, seen: &Seen, palette: Palette) {
    let Some(overview) = &seen.overview else { return };
    let age = span(now_ms().saturating_sub(overview.started_ms));
    let facts = format!(
        "  up {age} · {} · {} · {} available · {}",
        count(overview.services, "service"),
        count(overview.instances, "instance"),
        overview.available,
        size(overview.memory_bytes)
    );
    let title = Span::styled(format!("Rialto {}", overview.version), palette.strong());
    let gateway = Line::raw(format!("gateway  {}", show::traffic(&overview.gateway)));
    let lines = vec![Line::from(vec![title, Span::raw(facts)]), gateway];
    frame.render_widget(Paragraph::new(lines), area);
}

fn services(frame: &mut Frame<'_>, area: Rect, seen: &Seen, palette: Palette) {
    let rows = seen.services.iter().map(|service| {
        let (sign, style) = match (service.available, service.instances) {
            (0, _) => ("✗", palette.bad()),
            (some, all) if some < all => ("▲", palette.warn()),
            _ => ("●", palette.ok()),
        };
        Row::new([
            Cell::from(Line::from(vec![
                Span::styled(format!("{sign} "), style),
                Span::raw(show::full_name(service)),
            ])),
            Cell::from(format!("{}/{}", service.available, service.instances)),
            Cell::from(service.protocols.join(",")),
        ])
    });
    let widths = [Constraint::Fill(1), Constraint::Length(7), Constraint::Length(12)];
    let table = Table::new(rows, widths)
        .header(Row::new(["service", "up", "protocols"]).style(palette.dim()))
        .block(Block::bordered().title(" Services ").border_style(palette.dim()));
    frame.render_widget(table, area);
}

fn routes(frame: &mut Frame<'_>, area: Rect, seen: &Seen, palette: Palette) {
    let rows = seen.routes.iter().map(|RouteView { spec, traffic, .. }| {
        let style = if traffic.error_rate > 0.0 { palette.bad() } else { palette.ok() };
        Row::new([
            Cell::from(format!("{} → {}", spec.id, spec.uri.trim_start_matches("lb://"))),
            Cell::from(format!("{:.0}/s", traffic.rate)),
            Cell::from(Span::styled(format!("{:.1}/s", traffic.error_rate), style)),
            Cell::from(latency(traffic.p50_ms)),
            Cell::from(latency(traffic.p99_ms)),
        ])
    });
    let number = Constraint::Length(8);
    let table = Table::new(rows, [Constraint::Fill(1), number, number, number, number])
        .header(Row::new(["route", "rate", "errors", "p50", "p99"]).style(palette.dim()))
        .block(Block::bordered().title(" Gateway ").border_style(palette.dim()));
    frame.render_widget(table, area);
}

fn events(frame: &mut Frame<'_>, area: Rect, seen: &Seen, palette: Palette) {
    let lines: Vec<Line<'_>> =
        seen.events.iter().map(|event| Line::raw(show::event(event))).collect();
    let block = Block::bordered().title(" Events, newest first ").border_style(palette.dim());
    frame.render_widget(Paragraph::new(lines).block(block), area);
}
