//! Time series drawn as SVG on the server: axis with units, gaps where nothing was measured, and
//! the numbers beside it for the script's pointer line.

use std::fmt::Write as _;

use crate::format;

/// Width of the drawing; the browser stretches it.
const WIDTH: f64 = 1_000.0;
/// Height of the drawing; the browser stretches it.
const HEIGHT: f64 = 100.0;

/// One line of a chart.
pub(crate) struct Series {
    pub(crate) name: String,
    /// CSS class of its colour.
    pub(crate) colour: &'static str,
    pub(crate) filled: bool,
    pub(crate) dotted: bool,
    /// One value a step; `None` where nothing was measured.
    pub(crate) values: Vec<Option<f64>>,
}

/// A chart as the template draws it.
pub(crate) struct Chart {
    pub(crate) title: &'static str,
    pub(crate) unit: &'static str,
    /// CSS class of its height.
    pub(crate) height: &'static str,
    pub(crate) start_ms: u64,
    pub(crate) step_ms: u64,
    pub(crate) lines: Vec<Line>,
    /// Labels of the vertical axis, from the top.
    pub(crate) ticks: [String; 3],
    /// Names and values for the script.
    pub(crate) numbers: String,
}

/// One drawn line.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) colour: &'static str,
    pub(crate) dotted: bool,
    pub(crate) last: String,
    pub(crate) path: String,
    /// Outline of the surface below, when it is filled.
    pub(crate) area: Option<String>,
}

/// Where a window of equal steps lies: it ends at the last whole step, so that a drawing changes
/// once a step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) start_ms: u64,
    pub(crate) step_ms: u64,
    pub(crate) steps: usize,
}

impl Window {
    pub(crate) fn ending(now_ms: u64, step_ms: u64, steps: usize) -> Self {
        let end_ms = now_ms / step_ms * step_ms;
        Self { start_ms: end_ms.saturating_sub(step_ms * steps as u64), step_ms, steps }
    }

    /// Means of what was measured in each step.
    pub(crate) fn means(self, points: impl Iterator<Item = (u64, f64)>) -> Vec<Option<f64>> {
        let mut sums = vec![(0.0, 0_u32); self.steps];
        for (at_ms, value) in points {
            let Some(after_ms) = at_ms.checked_sub(self.start_ms + 1) else { continue };
            let step = usize::try_from(after_ms / self.step_ms).unwrap_or(usize::MAX);
            if let Some((sum, count)) = sums.get_mut(step) {
                *sum += value;
                *count += 1;
            }
        }
        sums.into_iter().map(|(sum, count)| (count > 0).then(|| sum / f64::from(count))).collect()
    }
}

impl Chart {
    pub(crate) fn new(
        title: &'static str,
        unit: &'static str,
        height: &'static str,
        window: Window,
        series: Vec<Series>,
    ) -> Self {
        let values = || series.iter().flat_map(|one| one.values.iter().flatten());
        let top = nice_top(values().fold(0.0, |max: f64, value| max.max(*value)));
        let ticks = [format::rate(top), format::rate(top / 2.0), "0".to_owned()];
        let numbers = numbers(&series);
        let lines = series.into_iter().map(|one| draw(one, top)).collect();
        let Window { start_ms, step_ms, .. } = window;
        Self { title, unit, height, start_ms, step_ms, lines, ticks, numbers }
    }
}

fn draw(series: Series, top: f64) -> Line {
    let count = series.values.len();
    let mut path = String::new();
    let mut area = String::new();
    let x = |at: usize| at as f64 / (count.max(2) - 1) as f64 * WIDTH;
    let y = |value: f64| HEIGHT - (value / top).clamp(0.0, 1.0) * HEIGHT;
    let mut at = 0;
    while at < count {
        let run: Vec<f64> = series.values[at..].iter().map_while(|value| *value).collect();
        if run.is_empty() {
            at += 1;
            continue;
        }
        let mut outline = String::new();
        for (offset, value) in run.iter().enumerate() {
            let letter = if offset == 0 { 'M' } else { 'L' };
            // Writing to a string cannot fail.
            let _ = write!(outline, "{letter}{:.1} {:.1}", x(at + offset), y(*value));
        }
        if run.len() == 1 {
            outline.push_str("h2");
        }
        let (left, right) = (x(at), x(at + run.len() - 1));
        let _ = write!(area, "{outline}L{right:.1} {HEIGHT}L{left:.1} {HEIGHT}Z");
        path.push_str(&outline);
        at += run.len();
    }
    Line {
        last: series.values.last().copied().flatten().map_or("–".to_owned(), format::rate),
        name: series.name,
        colour: series.colour,
        dotted: series.dotted,
        path,
        area: (series.filled && !area.is_empty()).then_some(area),
    }
}

fn numbers(series: &[Series]) -> String {
    let one = |series: &Series| {
        let rounded =
            series.values.iter().map(|value| value.map(|value| (value * 100.0).round() / 100.0));
        serde_json::json!({ "name": series.name, "values": rounded.collect::<Vec<_>>() })
    };
    serde_json::Value::Array(series.iter().map(one).collect()).to_string()
}

/// The next of 1, 2, 5 times a power of ten, so that the axis has round labels.
fn nice_top(max: f64) -> f64 {
    if !max.is_finite() || max <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(max.log10().floor());
    let steps = [1.0, 2.0, 4.0, 5.0, 10.0];
    steps
        .into_iter()
        .map(|step| step * power)
        .find(|top| *top >= max * 1.02)
        .unwrap_or(20.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: Vec<Option<f64>>) -> Series {
        Series { name: "a".to_owned(), colour: "c-accent", filled: true, dotted: false, values }
    }

    #[test]
    fn a_gap_is_a_gap_and_not_zero() {
        let line = draw(series(vec![Some(1.0), None, Some(2.0), Some(0.0)]), 2.0);
        assert_eq!(line.path, "M0.0 50.0h2M666.7 0.0L1000.0 100.0");
        assert_eq!(line.last, "0");
        assert!(draw(series(vec![None; 3]), 1.0).path.is_empty());
        assert!(draw(series(vec![]), 1.0).area.is_none());
    }

    #[test]
    fn a_window_ends_at_a_whole_step_and_means_what_is_in_it() {
        let window = Window::ending(23_400, 5_000, 3);
        assert_eq!(window.start_ms, 5_000);
        let points = [(5_000, 9.0), (5_001, 1.0), (10_000, 3.0), (20_000, 4.0), (20_001, 9.0)];
        assert_eq!(window.means(points.into_iter()), [Some(2.0), None, Some(4.0)]);
    }

    #[test]
    fn the_axis_has_round_labels_above_every_value() {
        for (max, top) in [(0.0, 1.0), (0.3, 0.4), (1.0, 2.0), (41.0, 50.0), (99.0, 200.0)] {
            assert!((nice_top(max) - top).abs() < 1e-9, "{max}: {}", nice_top(max));
        }
        assert!((nice_top(f64::NAN) - 1.0).abs() < 1e-9);
    }
}
