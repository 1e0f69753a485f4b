//! Reading the history, which is on disk only, and forgetting what is old.

use std::ops::ControlFlow;

use rialto_configuration::limits::{HISTORY_KEPT_MS, PAGE_SIZE_MAX};
use rialto_configuration::{HistoryEntry, HistoryLine, KeyRef, Page};
use rialto_storage::{ReadError, Table, Write};

use super::Core;
use super::record::{
    history_key, id_of_order_key, order_key, order_prefix, read_history, read_line,
};
use crate::limits::{HISTORY_COUNT_MAX, HISTORY_PRUNE_STEP};

pub(super) fn page(
    core: &Core,
    key: &KeyRef<'_>,
    page_no: usize,
    page_size: usize,
) -> Result<Page<HistoryLine>, ReadError> {
    let page_size = page_size.clamp(1, PAGE_SIZE_MAX);
    let page_no = page_no.max(1);
    let skipped = (page_no - 1).saturating_mul(page_size);
    let wanted = skipped..skipped.saturating_add(page_size);
    let Ok(key) = key.to_key() else {
        return Ok(Page { total: 0, page_no, page_size, items: Vec::new() });
    };
    let (mut total, mut ids) = (0, Vec::new());
    let (from, below) = order_range(key.joined(), None);
    core.reader.range(Table::HistoryOrder, &from, &below, |key, _| {
        if wanted.contains(&total) {
            ids.extend(id_of_order_key(key));
        }
        total += 1;
        if total == HISTORY_COUNT_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    let mut items = Vec::with_capacity(ids.len());
    for id in ids {
        // Old ones may be forgotten meanwhile.
        let value = core.reader.get(Table::History, &history_key(id))?;
        items.extend(value.and_then(|value| read_line(id, &value)));
    }
    Ok(Page { total, page_no, page_size, items })
}

pub(super) fn entry(core: &Core, id: u64) -> Result<Option<HistoryEntry>, ReadError> {
    let Some(value) = core.reader.get(Table::History, &history_key(id))? else { return Ok(None) };
    read_history(id, &value, &core.vault).map(Some).map_err(|reason| ReadError { reason })
}

/// The next older change of the configuration that a change is about.
pub(super) fn before(core: &Core, id: u64) -> Result<Option<HistoryEntry>, ReadError> {
    let Some(this) = entry(core, id)? else { return Ok(None) };
    let mut older = None;
    let (from, below) = order_range(this.line.key.joined(), Some(id));
    core.reader.range(Table::HistoryOrder, &from, &below, |key, _| {
        older = id_of_order_key(key);
        ControlFlow::Break(())
    })?;
    match older {
        Some(older) => entry(core, older),
        None => Ok(None),
    }
}

/// Adds the removal of the oldest changes that are kept no longer, at most
/// [`HISTORY_PRUNE_STEP`] of them, and tells how many.
pub(super) fn due(core: &Core, now_ms: u64, writes: &mut Vec<Write>) -> Result<usize, ReadError> {
    let before_ms = now_ms.saturating_sub(HISTORY_KEPT_MS);
    let mut count = 0;
    core.reader.range(Table::History, &history_key(0), &history_key(u64::MAX), |key, value| {
        let id = key.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
        let line = id.and_then(|id| read_line(id, value));
        if line.as_ref().is_some_and(|line| line.at_ms >= before_ms) || count == HISTORY_PRUNE_STEP
        {
            return ControlFlow::Break(());
        }
        // What cannot be read is of no use to anybody.
        writes.push(Write { table: Table::History, key: key.to_vec(), value: None });
        if let Some(line) = line {
            let key = order_key(line.key.joined(), line.id);
            writes.push(Write { table: Table::HistoryOrder, key, value: None });
        }
        count += 1;
        ControlFlow::Continue(())
    })?;
    Ok(count)
}

/// Order keys of a configuration's changes, or of those older than one.
fn order_range(joined: &str, older_than: Option<u64>) -> (Vec<u8>, Vec<u8>) {
    let from = match older_than {
        Some(id) => [order_key(joined, id), vec![0]].concat(),
        None => order_prefix(joined),
    };
    let mut below = order_prefix(joined);
    below.extend_from_slice(&[0xff; 9]);
    (from, below)
}
