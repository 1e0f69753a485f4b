//! Turns places in layers into coordinates, curves and labels.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::layout::{Layout, Slot, layout};
use crate::view::Mark;

/// What is drawn of a node.
#[derive(Debug, Clone)]
pub(crate) struct NodeState {
    pub(crate) name: String,
    pub(crate) note: String,
    pub(crate) mark: Mark,
    /// Whether traffic enters here from outside.
    pub(crate) entry: bool,
    /// Address of its page, if it has one.
    pub(crate) href: String,
}

/// What is drawn of an edge; `from` and `to` are indexes of nodes.
#[derive(Debug, Clone)]
pub(crate) struct EdgeState {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) rate: f64,
    pub(crate) label: String,
    /// Where there is little room.
    pub(crate) label_short: String,
    /// Said in its own line when there is trouble.
    pub(crate) trouble: String,
    pub(crate) mark: Mark,
}

/// Everything with coordinates, ready for the template.
pub(crate) struct Drawing {
    pub(crate) class: &'static str,
    pub(crate) width: String,
    pub(crate) height: String,
    pub(crate) node_width: f64,
    pub(crate) node_height: f64,
    pub(crate) nodes: Vec<DrawnNode>,
    pub(crate) edges: Vec<DrawnEdge>,
}

pub(crate) struct DrawnNode {
    pub(crate) state: NodeState,
    pub(crate) title: String,
    pub(crate) x: String,
    pub(crate) y: String,
    /// Names of its neighbours, a line each.
    pub(crate) near: String,
}

pub(crate) struct DrawnEdge {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) path: String,
    pub(crate) arrow: String,
    pub(crate) stroke: String,
    pub(crate) label: String,
    pub(crate) trouble: String,
    pub(crate) label_x: String,
    pub(crate) label_y: String,
    pub(crate) mark: Mark,
    pub(crate) idle: bool,
}

/// Measures of a drawing; "along" is the direction in which calls go.
#[derive(Clone, Copy)]
struct Shape {
    class: &'static str,
    sideways: bool,
    node_along: f64,
    node_across: f64,
    gap_along: f64,
    gap_across: f64,
    title_chars: usize,
}

const VIRTUAL_ACROSS: f64 = 20.0;
const MARGIN: f64 = 10.0;
const ARROW: f64 = 7.0;
/// Where on its first curve an edge has its label: past the middle, where neighbours are apart.
const LABEL_AT: f64 = 0.6;

const WIDE: Shape = Shape {
    class: "wide",
    sideways: true,
    node_along: 166.0,
    node_across: 54.0,
    gap_along: 134.0,
    gap_across: 40.0,
    title_chars: 18,
};
const TALL: Shape = Shape {
    class: "tall",
    sideways: false,
    node_along: 50.0,
    node_across: 142.0,
    gap_along: 84.0,
    gap_across: 14.0,
    title_chars: 14,
};

/// The drawing for wide screens, calls going right, and the one for narrow screens, going down.
pub(crate) fn draw(nodes: &[NodeState], edges: &[EdgeState]) -> [Drawing; 2] {
    let pairs: Vec<(usize, usize)> = edges.iter().map(|edge| (edge.from, edge.to)).collect();
    let laid = layout(nodes.len(), &pairs);
    [WIDE, TALL].map(|shape| place(shape, &laid, nodes, edges))
}

type Point = (f64, f64);

fn place(shape: Shape, laid: &Layout, nodes: &[NodeState], edges: &[EdgeState]) -> Drawing {
    let across = positions(shape, laid);
    let depth = laid.widths.len() as f64;
    let along_size = depth * (shape.node_along + shape.gap_along) - shape.gap_along;
    let across_size = across
        .iter()
        .map(|(slot, centre)| centre + half(shape, laid, *slot))
        .fold(shape.node_across, f64::max);
    let routes = routes(shape, laid, &across);
    let (width, height) = shape.turn((along_size.max(0.0), across_size));
    let (node_width, node_height) = shape.turn((shape.node_along, shape.node_across));
    Drawing {
        class: shape.class,
        width: number(width + 2.0 * MARGIN),
        height: number(height + 2.0 * MARGIN),
        node_width,
        node_height,
        nodes: (nodes.iter().enumerate())
            .map(|(at, state)| {
                let slot = laid.nodes[at];
                let corner = (shape.along(slot), across[&slot] - shape.node_across / 2.0);
                let (x, y) = shape.turn(corner);
                let near = (edges.iter())
                    .filter(|edge| edge.from == at || edge.to == at)
                    .map(|edge| nodes[edge.from + edge.to - at].name.as_str());
                DrawnNode {
                    title: shorten(&state.name, shape.title_chars),
                    state: state.clone(),
                    x: number(x + MARGIN),
                    y: number(y + MARGIN),
                    near: near.collect::<Vec<_>>().join("\n"),
                }
            })
            .collect(),
        edges: (edges.iter().zip(&routes).zip(&laid.backward))
            .filter(|((edge, _), _)| edge.from != edge.to)
            .map(|((edge, route), back)| edge_drawn(shape, edge, route, *back, nodes))
            .collect(),
    }
}

fn edge_drawn(
    shape: Shape,
    edge: &EdgeState,
    route: &[Point],
    backward: bool,
    nodes: &[NodeState],
) -> DrawnEdge {
    let mut points = route.to_vec();
    let end = points[points.len() - 1];
    let towards = if backward { -1.0 } else { 1.0 };
    let last = points.len() - 1;
    points[last].0 -= towards * (ARROW - 1.0);
    let mut path = String::new();
    let start = shape.shifted(points[0]);
    // Writing to a string cannot fail.
    let _ = write!(path, "M{} {}", number(start.0), number(start.1));
    for pair in points.windows(2) {
        let middle = f64::midpoint(pair[0].0, pair[1].0);
        let curve = [(middle, pair[0].1), (middle, pair[1].1), pair[1]];
        let [one, two, to] = curve.map(|point| shape.shifted(point));
        let _ = write!(
            path,
            "C{} {} {} {} {} {}",
            number(one.0),
            number(one.1),
            number(two.0),
            number(two.1),
            number(to.0),
            number(to.1)
        );
    }
    let corners = [(0.0, 0.0), (-ARROW, -3.5), (-ARROW, 3.5)]
        .map(|(along, across)| shape.shifted((end.0 + towards * along, end.1 + across)))
        .map(|(x, y)| format!("{},{}", number(x), number(y)));
    let label = shape.shifted(on_curve(points[0], points[1], LABEL_AT));
    DrawnEdge {
        from: nodes[edge.from].name.clone(),
        to: nodes[edge.to].name.clone(),
        path,
        arrow: corners.join(" "),
        stroke: number((1.25 + (1.0 + edge.rate.max(0.0)).log10() * 0.8).min(4.5)),
        label: if shape.sideways { &edge.label } else { &edge.label_short }.clone(),
        trouble: edge.trouble.clone(),
        label_x: number(label.0),
        label_y: number(label.1 - 5.0),
        mark: edge.mark,
        idle: edge.rate < 0.05,
    }
}

/// A point of the curve that leaves and arrives straight, at `t` from 0 to 1.
fn on_curve(from: Point, to: Point, t: f64) -> Point {
    let (along, across) = (to.0 - from.0, to.1 - from.1);
    let rest = 1.0 - t;
    let done = 1.5 * rest * rest * t + 1.5 * rest * t * t + t * t * t;
    (from.0 + along * done, from.1 + across * (3.0 * t * t - 2.0 * t * t * t))
}

/// Centres across of every place; each layer is centred on the widest.
fn positions(shape: Shape, laid: &Layout) -> BTreeMap<Slot, f64> {
    let row = |layer: usize| (0..laid.widths[layer]).map(move |order| Slot { layer, order });
    let size = |slot: Slot| 2.0 * half(shape, laid, slot);
    let length = |layer: usize| {
        let gaps = shape.gap_across * (laid.widths[layer].max(1) - 1) as f64;
        row(layer).map(size).sum::<f64>() + gaps
    };
    let depth = laid.widths.len();
    let longest = (0..depth).map(length).fold(0.0, f64::max);
    let mut centres = BTreeMap::new();
    for layer in 0..depth {
        let mut at = (longest - length(layer)) / 2.0;
        for slot in row(layer) {
            centres.insert(slot, at + size(slot) / 2.0);
            at += size(slot) + shape.gap_across;
        }
    }
    centres
}

fn half(shape: Shape, laid: &Layout, slot: Slot) -> f64 {
    if laid.nodes.contains(&slot) { shape.node_across / 2.0 } else { VIRTUAL_ACROSS / 2.0 }
}

/// The points of each edge, with its ends spread along the sides of its nodes.
fn routes(shape: Shape, laid: &Layout, across: &BTreeMap<Slot, f64>) -> Vec<Vec<Point>> {
    let mut routes: Vec<Vec<Point>> = Vec::with_capacity(laid.edges.len());
    for (route, backward) in laid.edges.iter().zip(&laid.backward) {
        let mut points = Vec::new();
        for (at, slot) in route.iter().enumerate() {
            let (first, last) = (at == 0, at + 1 == route.len());
            let (near, far) = (shape.along(*slot), shape.along(*slot) + shape.node_along);
            let (enter, leave) = if *backward { (far, near) } else { (near, far) };
            if !first {
                points.push((enter, across[slot]));
            }
            if !last {
                points.push((leave, across[slot]));
            }
        }
        if points.len() < 2 {
            points = vec![(0.0, 0.0); 2];
        }
        routes.push(points);
    }
    for start in [true, false] {
        spread(shape, laid, &mut routes, start);
    }
    routes
}

/// Edges that meet at one side of a node get ports of their own, in the order of where they go.
fn spread(shape: Shape, laid: &Layout, routes: &mut [Vec<Point>], start: bool) {
    let mut sides: BTreeMap<(Slot, bool), Vec<usize>> = BTreeMap::new();
    for (at, route) in laid.edges.iter().enumerate() {
        let slot = if start { route[0] } else { route[route.len() - 1] };
        sides.entry((slot, laid.backward[at])).or_default().push(at);
    }
    for mut edges in sides.into_values() {
        let beyond = |edge: &usize| {
            let route = &routes[*edge];
            if start { route[1].1 } else { route[route.len() - 2].1 }
        };
        edges.sort_by(|one, two| beyond(one).total_cmp(&beyond(two)));
        let room = (shape.node_across - 16.0) / edges.len() as f64;
        let middle = (edges.len() as f64 - 1.0) / 2.0;
        for (at, edge) in edges.iter().enumerate() {
            let last = routes[*edge].len() - 1;
            let end = if start { 0 } else { last };
            routes[*edge][end].1 += (at as f64 - middle) * room.min(12.0);
        }
    }
}

impl Shape {
    fn along(self, slot: Slot) -> f64 {
        slot.layer as f64 * (self.node_along + self.gap_along)
    }

    fn turn(self, (along, across): Point) -> Point {
        if self.sideways { (along, across) } else { (across, along) }
    }

    fn shifted(self, point: Point) -> Point {
        let (x, y) = self.turn(point);
        (x + MARGIN, y + MARGIN)
    }
}

fn shorten(name: &str, chars_max: usize) -> String {
    if name.chars().count() <= chars_max {
        return name.to_owned();
    }
    name.chars().take(chars_max - 1).chain(['…']).collect()
}

fn number(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> NodeState {
        NodeState {
            name: name.to_owned(),
            note: String::new(),
            mark: Mark::Ok,
            entry: false,
            href: String::new(),
        }
    }

    fn edge(from: usize, to: usize) -> EdgeState {
        let label = "1/s".to_owned();
        let (label_short, trouble) = (label.clone(), String::new());
        EdgeState { from, to, rate: 1.0, label, label_short, trouble, mark: Mark::Off }
    }

    #[test]
    fn nodes_lie_inside_and_do_not_overlap() {
        let nodes: Vec<NodeState> = (0..7).map(|at| node(&format!("service-{at}"))).collect();
        let edges: Vec<EdgeState> =
            [(0, 1), (0, 2), (1, 3), (1, 4), (2, 5), (0, 6), (6, 3), (3, 0)]
                .map(|(from, to)| edge(from, to))
                .to_vec();
        for drawing in draw(&nodes, &edges) {
            let boxes: Vec<(f64, f64)> = (drawing.nodes.iter())
                .map(|node| (node.x.parse().unwrap(), node.y.parse().unwrap()))
                .collect();
            let (width, height): (f64, f64) =
                (drawing.width.parse().unwrap(), drawing.height.parse().unwrap());
            for (at, (x, y)) in boxes.iter().enumerate() {
                assert!(*x >= 0.0 && *y >= 0.0);
                assert!(x + drawing.node_width <= width && y + drawing.node_height <= height);
                for (other_x, other_y) in &boxes[at + 1..] {
                    let apart = (x - other_x).abs() >= drawing.node_width
                        || (y - other_y).abs() >= drawing.node_height;
                    assert!(apart);
                }
            }
            assert_eq!(drawing.edges.len(), edges.len());
        }
    }

    #[test]
    fn nothing_and_one_node_and_self_calls_are_drawn() {
        assert!(draw(&[], &[])[0].nodes.is_empty());
        let [wide, _] = draw(&[node("a")], &[edge(0, 0)]);
        assert!(wide.nodes.len() == 1 && wide.edges.is_empty());
    }

    #[test]
    fn long_names_are_cut_and_kept_for_the_page() {
        let [wide, _] = draw(&[node(&"很".repeat(40))], &[]);
        assert_eq!(wide.nodes[0].title.chars().count(), WIDE.title_chars);
        assert_eq!(wide.nodes[0].state.name.chars().count(), 40);
    }
}
