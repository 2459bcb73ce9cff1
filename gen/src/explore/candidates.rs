//! The configurations that are looked at: the board's preset with another engine, vector unit or attention unit.

use sterna_host::compile::plan::fitted;
use sterna_host::config::ModelConfig;
use sterna_spec::config::{Config, TableKind};

const ROWS: [u32; 6] = [1, 2, 4, 8, 12, 16];
const LANES: [u32; 5] = [1, 2, 4, 8, 16];
const SLOTS: [u32; 4] = [1, 2, 4, 8];
const LOOKUPS: [u32; 4] = [1, 2, 4, 8];
const GROUPS: [u32; 3] = [2, 3, 4];

/// Every legal one; memories are as large as the model needs.
pub(super) fn candidates(preset: &Config, model: &ModelConfig, context: usize) -> Vec<Config> {
    let beat = preset.beat_bytes() as u32;
    let positions = context.next_multiple_of(beat as usize) as u32;
    let mut all = Vec::new();
    for engine in engines(preset) {
        for (rows, lanes) in ROWS.into_iter().flat_map(|rows| LANES.map(|lanes| (rows, lanes))) {
            for (slots, attention_width) in
                SLOTS.into_iter().flat_map(|slots| widths(beat).map(|u| (slots, u)))
            {
                let config =
                    Config { rows, lanes, slots, attention_width, context: positions, ..engine.clone() };
                let legal = attention_width >= lanes && attention_width <= beat;
                let config = if legal { fitted(model, &config) } else { continue };
                if config.check().is_empty() {
                    all.push(config);
                }
            }
        }
    }
    all
}

/// Splits of a beat's trits, each with as many tables as fit.
fn engines(preset: &Config) -> Vec<Config> {
    let trits = 5 * preset.beat_bytes() as u32;
    let mut all = Vec::new();
    for (group, lookups) in GROUPS.into_iter().flat_map(|group| LOOKUPS.map(|lookups| (group, lookups))) {
        for table_kind in [TableKind::Full, TableKind::Signed] {
            let tables = trits / (lookups * group);
            all.push(Config { group, lookups, tables, table_kind, table_banks: 2, ..preset.clone() });
        }
    }
    all
}

/// A quarter, half and all of a beat.
fn widths(beat: u32) -> [u32; 3] {
    [beat / 4, beat / 2, beat]
}
