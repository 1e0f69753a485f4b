//! Drawing in the terminal: only where it can be drawn, and the terminal is left as it was, also
//! after Ctrl-C and a panic.

use std::env;
use std::io::{self, IsTerminal as _};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::crossterm::terminal;
use ratatui::style::{Color, Modifier, Style};
use ratatui::{DefaultTerminal, Frame};

/// Narrower or lower than this, lines are easier to read than a view.
pub(crate) const WIDTH_MIN: u16 = 80;
/// See [`WIDTH_MIN`].
pub(crate) const HEIGHT_MIN: u16 = 20;

/// Whether a view can be drawn on standard output.
pub(crate) fn can_draw() -> bool {
    let smart = env::var_os("TERM").is_none_or(|term| term != "dumb");
    let room = terminal::size().is_ok_and(|(w, h)| w >= WIDTH_MIN && h >= HEIGHT_MIN);
    smart && room && io::stdout().is_terminal() && io::stdin().is_terminal()
}

/// The terminal while a view is drawn; dropping it gives the terminal back.
#[derive(Debug)]
pub(crate) struct Screen {
    terminal: DefaultTerminal,
}

impl Screen {
    /// Takes the terminal. A panic gives it back before its message is printed.
    ///
    /// # Errors
    /// When the terminal does not play along.
    pub(crate) fn open() -> io::Result<Self> {
        ratatui::try_init().map(|terminal| Self { terminal })
    }

    /// Draws one picture.
    ///
    /// # Errors
    /// When the terminal has gone away.
    pub(crate) fn draw(&mut self, picture: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(picture).map(|_| ())
    }

    /// Waits for a key; true when the person wants to leave (`q`, Esc, Ctrl-C).
    ///
    /// # Errors
    /// When the terminal has gone away.
    pub(crate) fn leave_asked(&mut self, wait: Duration) -> io::Result<bool> {
        if !event::poll(wait)? {
            return Ok(false);
        }
        let Event::Key(key) = event::read()? else { return Ok(false) };
        let interrupted =
            key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        let left = matches!(key.code, KeyCode::Char('q') | KeyCode::Esc);
        Ok(key.kind == KeyEventKind::Press && (interrupted || left))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Colours with a meaning; none of them when `NO_COLOR` is set. States differ by their words and
/// signs, too, so nothing is lost without colour.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Palette {
    colour: bool,
}

impl Palette {
    /// The palette that this terminal wants (<https://no-color.org>).
    pub(crate) fn new() -> Self {
        Self { colour: env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) }
    }

    /// All is well.
    pub(crate) fn ok(self) -> Style {
        self.coloured(Color::Green)
    }

    /// Worth a look.
    pub(crate) fn warn(self) -> Style {
        self.coloured(Color::Yellow)
    }

    /// Trouble.
    pub(crate) fn bad(self) -> Style {
        self.coloured(Color::Red)
    }

    /// What names or leads.
    pub(crate) fn accent(self) -> Style {
        self.coloured(Color::Cyan)
    }

    /// Less important.
    pub(crate) fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// More important.
    pub(crate) fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    fn coloured(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }
}

impl Default for Palette {
    fn default() -> Self {
        Self::new()
    }
}
