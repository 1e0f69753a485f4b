//! Places the nodes of a directed graph in layers: callers before callees, few crossings.
//!
//! The usual three steps of a layered drawing, small and deterministic: layers by longest path from
//! the sources with cycles broken depth first, long edges cut by virtual nodes, and the order
//! within a layer by barycentres in a few sweeps.

use std::collections::BTreeMap;

/// Sweeps down and up; more do not help graphs of this size.
const SWEEPS: usize = 8;

/// A place in the layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    pub(super) layer: usize,
    /// Position within the layer.
    pub(super) order: usize,
}

/// Where everything is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Of each node.
    pub(super) nodes: Vec<Slot>,
    /// Of each edge: from its start to its end, by way of the virtual nodes between.
    pub(super) edges: Vec<Vec<Slot>>,
    /// Whether an edge runs against the layers.
    pub(super) backward: Vec<bool>,
    /// Places in each layer, virtual ones included.
    pub(super) widths: Vec<usize>,
}

/// Lays out `count` nodes; edges are pairs of indexes, and one to itself is ignored.
pub(super) fn layout(count: usize, edges: &[(usize, usize)]) -> Layout {
    let backward = break_cycles(count, edges);
    let forward: Vec<(usize, usize)> = edges
        .iter()
        .zip(&backward)
        .map(|(&(from, to), back)| if *back { (to, from) } else { (from, to) })
        .collect();
    let layers = layer(count, &forward);
    let (mut table, chains) = cut(count, &forward, &layers);
    order(&mut table, &chains);

    let mut slots = BTreeMap::new();
    for (layer, row) in table.iter().enumerate() {
        for (order, item) in row.iter().enumerate() {
            slots.insert(*item, Slot { layer, order });
        }
    }
    let route = |(chain, back): (&Vec<usize>, &bool)| {
        let mut route: Vec<Slot> = chain.iter().map(|item| slots[item]).collect();
        if *back {
            route.reverse();
        }
        route
    };
    Layout {
        nodes: (0..count).map(|node| slots[&node]).collect(),
        edges: chains.iter().zip(&backward).map(route).collect(),
        widths: table.iter().map(Vec::len).collect(),
        backward,
    }
}

/// Which edges close a cycle, found depth first from the nodes that nobody calls.
fn break_cycles(count: usize, edges: &[(usize, usize)]) -> Vec<bool> {
    let mut called = vec![false; count];
    edges.iter().filter(|(from, to)| from != to).for_each(|(_, to)| called[*to] = true);
    let mut starts: Vec<usize> = (0..count).collect();
    starts.sort_by_key(|node| called[*node]);
    let mut state = vec![0_u8; count];
    let mut backward = vec![false; edges.len()];
    for start in starts {
        if state[start] != 0 {
            continue;
        }
        state[start] = 1;
        let mut stack = vec![(start, 0)];
        while let Some((node, next)) = stack.pop() {
            let Some(offset) = edges[next..].iter().position(|(from, _)| *from == node) else {
                state[node] = 2;
                continue;
            };
            let edge = next + offset;
            stack.push((node, edge + 1));
            let to = edges[edge].1;
            match state[to] {
                0 => {
                    state[to] = 1;
                    stack.push((to, 0));
                }
                1 => backward[edge] = to != node,
                _ => {}
            }
        }
    }
    backward
}

/// The length of the longest path to each node.
fn layer(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut layers = vec![0; count];
    // Without cycles, a path has fewer edges than there are nodes.
    for _ in 0..count {
        let mut changed = false;
        for &(from, to) in edges.iter().filter(|(from, to)| from != to) {
            if layers[to] <= layers[from] {
                layers[to] = layers[from] + 1;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    layers
}

/// Rows of nodes and virtual nodes, and the way of each edge through them.
fn cut(
    count: usize,
    edges: &[(usize, usize)],
    layers: &[usize],
) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
    let depth = layers.iter().max().map_or(0, |deepest| deepest + 1);
    let mut table = vec![Vec::new(); depth];
    (0..count).for_each(|node| table[layers[node]].push(node));
    let mut next_virtual = count;
    let mut chains = Vec::with_capacity(edges.len());
    for &(from, to) in edges {
        let mut chain = vec![from];
        for row in table.iter_mut().take(layers[to]).skip(layers[from] + 1) {
            row.push(next_virtual);
            chain.push(next_virtual);
            next_virtual += 1;
        }
        chain.push(to);
        chains.push(chain);
    }
    (table, chains)
}

fn order(table: &mut [Vec<usize>], chains: &[Vec<usize>]) {
    let links: Vec<(usize, usize)> =
        chains.iter().flat_map(|chain| chain.windows(2).map(|pair| (pair[0], pair[1]))).collect();
    for sweep in 0..SWEEPS {
        let down = sweep % 2 == 0;
        let mut place: BTreeMap<usize, f64> = BTreeMap::new();
        let depth = table.len();
        let rows: Vec<usize> = if down { (0..depth).collect() } else { (0..depth).rev().collect() };
        for row in rows {
            let centre = |item: usize, now: usize| {
                let near = links.iter().filter_map(|&(from, to)| match down {
                    true => (to == item).then(|| place.get(&from)),
                    false => (from == item).then(|| place.get(&to)),
                });
                let (sum, count) =
                    near.flatten().fold((0.0, 0_u32), |(sum, count), at| (sum + at, count + 1));
                if count == 0 { now as f64 } else { sum / f64::from(count) }
            };
            let mut ranked: Vec<(f64, usize)> = table[row]
                .iter()
                .enumerate()
                .map(|(now, item)| (centre(*item, now), *item))
                .collect();
            ranked.sort_by(|one, two| one.0.total_cmp(&two.0));
            let middle = (ranked.len() as f64 - 1.0) / 2.0;
            table[row] = ranked.iter().map(|(_, item)| *item).collect();
            for (at, (_, item)) in ranked.iter().enumerate() {
                place.insert(*item, at as f64 - middle);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_come_before_callees_and_long_edges_are_cut() {
        let laid = layout(4, &[(0, 1), (1, 2), (0, 2), (2, 3)]);
        let layers: Vec<usize> = laid.nodes.iter().map(|slot| slot.layer).collect();
        assert_eq!(layers, [0, 1, 2, 3]);
        assert_eq!(laid.edges[2].len(), 3, "one virtual node");
        assert_eq!(laid.widths, [1, 2, 1, 1]);
    }

    #[test]
    fn cycles_and_self_calls_do_not_hang_and_keep_their_direction() {
        let laid = layout(3, &[(0, 1), (1, 2), (2, 0), (1, 1)]);
        assert_eq!(laid.backward, [false, false, true, false]);
        let back = &laid.edges[2];
        assert_eq!((back[0], back[back.len() - 1]), (laid.nodes[2], laid.nodes[0]));
        assert_eq!(layout(0, &[]).nodes, []);
    }

    #[test]
    fn crossings_are_untangled() {
        // Two callers in one order, their callees in the other.
        let laid = layout(4, &[(0, 3), (1, 2)]);
        let order = |node: usize| laid.nodes[node].order;
        assert_eq!(order(0) < order(1), order(3) < order(2));
    }

    #[test]
    fn the_same_graph_is_always_drawn_alike() {
        let edges = [(0, 1), (0, 2), (1, 3), (2, 3), (3, 0), (2, 4), (4, 1)];
        assert_eq!(layout(5, &edges), layout(5, &edges));
    }
}
