//! The board as a picture in the terminal.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Sparkline, Table};

use super::board::{Health, Shown};
use crate::terminal::Palette;
use crate::words::{latency, wrap};

/// Draws the board.
pub(crate) fn draw(frame: &mut Frame<'_>, shown: &Shown, palette: Palette) {
    let rows =
        [Constraint::Length(2), Constraint::Length(11), Constraint::Min(5), Constraint::Length(1)];
    let [head, middle, story, foot] = Layout::vertical(rows).areas(frame.area());
    let halves = [Constraint::Percentage(48), Constraint::Percentage(52)];
    let [left, right] = Layout::horizontal(halves).areas(middle);
    header(frame, head, shown, palette);
    orders(frame, left, shown, palette);
    instances(frame, right, shown, palette);
    told(frame, story, shown, palette);
    frame.render_widget(Line::styled("q or Ctrl-C ends the demo", palette.dim()), foot);
}

fn header(frame: &mut Frame<'_>, area: Rect, shown: &Shown, palette: Palette) {
    let lines = vec![
        Line::from(vec![
            Span::styled("Rialto demo  ", palette.strong()),
            Span::styled(shown.act.as_str(), palette.accent()),
        ]),
        Line::from(vec![
            Span::styled("console ", palette.dim()),
            Span::raw(shown.console.as_str()),
        ]),
    ];
    frame.render_widget(Paragraph::new(lines), area);
}

fn orders(frame: &mut Frame<'_>, area: Rect, shown: &Shown, palette: Palette) {
    let block = block(" Orders through the gateway ", palette);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let rows = [Constraint::Length(5), Constraint::Length(2), Constraint::Length(2)];
    let [facts, placed, slow] = Layout::vertical(rows).areas(inner);
    let trouble = |count: u64, style: Style| if count > 0 { style } else { palette.dim() };
    let totals = shown.totals;
    let lines = vec![
        Line::from(vec![
            Span::styled(format!("{:.0}/s sent", shown.rate), palette.strong()),
            Span::raw(format!("   {} under way", shown.under_way)),
        ]),
        Line::styled(format!("● {} placed", totals.placed), palette.ok()),
        Line::styled(
            format!("▲ {} sent away (come back later)", totals.sent_away),
            trouble(totals.sent_away, palette.warn()),
        ),
        Line::styled(format!("✗ {} failed", totals.failed), trouble(totals.failed, palette.bad())),
        Line::raw(format!(
            "half under {}, 95 % {}, 99 % {}",
            latency(shown.lately.p50_ms),
            latency(shown.lately.p95_ms),
            latency(shown.lately.p99_ms)
        )),
    ];
    frame.render_widget(Paragraph::new(lines), facts);
    curve(frame, placed, "placed/s", shown.placed_curve.iter(), palette.ok());
    curve(frame, slow, "99 % ms", shown.latency_curve.iter(), palette.accent());
}

fn curve<'a>(
    frame: &mut Frame<'_>,
    area: Rect,
    label: &str,
    samples: impl DoubleEndedIterator<Item = &'a u64>,
    style: Style,
) {
    let [name, line] =
        Layout::horizontal([Constraint::Length(15), Constraint::Fill(1)]).areas(area);
    let room = usize::from(line.width);
    let mut data: Vec<u64> = samples.rev().take(room).copied().collect();
    data.reverse();
    let peak = data.iter().max().copied().unwrap_or(0);
    let text = vec![Line::raw(label), Line::raw(format!("peak {peak}"))];
    frame.render_widget(Paragraph::new(text), name);
    frame.render_widget(Sparkline::default().data(data).style(style), line);
}

fn instances(frame: &mut Frame<'_>, area: Rect, shown: &Shown, palette: Palette) {
    let rows = shown.instances.iter().map(|member| {
        let (sign, words, style) = match member.health {
            Health::Up => ("●", "up", palette.ok()),
            Health::Ejected => ("▲", "ejected", palette.warn()),
            Health::Dead => ("✗", "killed", palette.bad()),
            Health::Gone => ("✗", "absent", palette.bad()),
        };
        let calls = member.served.map_or_else(String::new, |_| format!("{:>5}/s", member.calls));
        Row::new([
            Cell::from(Span::styled(sign, style)),
            Cell::from(format!("{} {}", member.service, member.name)),
            Cell::from(Span::styled(words, style)),
            Cell::from(calls),
            Cell::from(Span::styled(member.address.as_str(), palette.dim())),
        ])
    });
    let widths = [
        Constraint::Length(1),
        Constraint::Length(12),
        Constraint::Length(7),
        Constraint::Length(7),
        Constraint::Fill(1),
    ];
    let table = Table::new(rows, widths).block(block(" Instances and their calls ", palette));
    frame.render_widget(table, area);
}

fn told(frame: &mut Frame<'_>, area: Rect, shown: &Shown, palette: Palette) {
    let block = block(" What happens ", palette);
    let inner = block.inner(area);
    let room = usize::from(inner.height);
    let width = usize::from(inner.width).saturating_sub(8).max(20);
    let mut lines = Vec::new();
    for (seconds, words) in &shown.story {
        let style = if words.starts_with("──") { palette.strong() } else { Style::new() };
        for (at, part) in wrap(words, width).into_iter().enumerate() {
            let time = if at == 0 { format!("{seconds:>4} s  ") } else { " ".repeat(8) };
            let time = Span::styled(time, palette.dim());
            lines.push(Line::from(vec![time, Span::styled(part, style)]));
        }
    }
    lines.drain(..lines.len().saturating_sub(room));
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn block<'a>(title: &'a str, palette: Palette) -> Block<'a> {
    Block::bordered().title(title).border_style(palette.dim())
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::demo::board::{Board, Member};
    use crate::terminal::{HEIGHT_MIN, WIDTH_MIN};

    #[test]
    fn everything_fits_the_smallest_terminal() {
        let board = Board::new(false);
        board.act("Act 2 of 6: a stock instance is killed");
        board.say("Killed stock 2 (process 4242) with SIGKILL, in the middle of the traffic.");
        board.update(|shown| {
            shown.console = "http://127.0.0.1:7000/".to_owned();
            shown.instances = vec![
                Member {
                    service: "storefront".to_owned(),
                    name: "1".to_owned(),
                    address: "127.0.0.1:49151".to_owned(),
                    health: Health::Up,
                    served: Some(1),
                    calls: 12,
                };
                8
            ];
            shown.sample(120, 9);
        });
        let mut terminal = Terminal::new(TestBackend::new(WIDTH_MIN, HEIGHT_MIN)).unwrap();
        let shown = board.shown();
        terminal.draw(|frame| draw(frame, &shown, Palette::default())).unwrap();
        let screen = terminal.backend().to_string();
        assert_eq!(screen.matches("● storefront").count(), 8, "{screen}");
        for words in
            ["12/s", "Act 2 of 6", "http://127.0.0.1:7000/", "0 failed", "SIGKILL", "peak 120"]
        {
            assert!(screen.contains(words), "{words}: {screen}");
        }
    }
}
