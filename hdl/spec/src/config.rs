//! One accelerator as data: every dimension of the hardware, what is legal, and the presets.
//!
//! `docs/architecture.md` explains the parameters; [`FIELDS`] documents them one by one.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::isa::MAX_PLANES;

/// What a table of the matrix engine stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableKind {
    /// All 3^G sums.
    Full,
    /// The (3^G + 1) / 2 sums that are not the negative of another one; the sign is applied after the lookup.
    Signed,
}

/// Every dimension of one accelerator. [`FIELDS`] says what each number means and what is legal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // documented in FIELDS, which the generator prints
pub struct Config {
    pub name: String,
    pub clock_mhz: u32,
    pub memory: String,
    pub rows: u32,
    pub group: u32,
    pub tables: u32,
    pub lookups: u32,
    pub table_kind: TableKind,
    pub table_banks: u32,
    pub lanes: u32,
    pub ports: u32,
    pub port_bytes: u32,
    pub attention_width: u32,
    pub slots: u32,
    pub head_size: u32,
    pub heads: u32,
    pub context: u32,
    pub activations: u32,
    pub outputs: u32,
    pub vector_words: u32,
    pub shared_words: u32,
    pub scalars: u32,
    pub prefetch_beats: u32,
    pub kv_beats: u32,
    pub burst_beats: u32,
    pub outstanding: u32,
    pub top_k: u32,
    pub address_bits: u32,
    pub probe: bool,
}

/// Name and meaning of every field of [`Config`], in order.
pub const FIELDS: &[(&str, &str)] = &[
    ("name", "name of the preset: lower-case letters, digits, '-'"),
    ("clock_mhz", "clock that reported times assume, MHz, 1 to 1000"),
    ("memory", "memory profile of the simulation: ideal, kv260, ulx3s or tang-nano-20k"),
    ("rows", "P: token rows of a step, 1 to 16"),
    ("group", "G: activations that share a table, 2 to 4"),
    ("tables", "T: tables looked up in a cycle for each row; R*T*G trits fit a beat of 5*B trits"),
    ("lookups", "R: matrix rows consumed in a cycle, a power of two"),
    ("table_kind", "full (3^G entries) or signed ((3^G+1)/2 entries and a sign)"),
    ("table_banks", "1: the engine waits for the next tables; 2: they are built while it streams"),
    ("lanes", "V: binary32 lanes of the vector unit, a power of two, 1 to 16"),
    ("ports", "AXI4 masters: 1, 2 or 4"),
    ("port_bytes", "data bytes of a master, a power of two, 4 to 64; B = ports * port_bytes, at most 128"),
    ("attention_width", "U: K/V bytes of a token used in a cycle, a power of two, V <= U <= B"),
    ("slots", "Q: query heads that share a K/V stream, 1 to 8"),
    ("head_size", "D: largest head size, a multiple of U, at most 256"),
    ("heads", "largest number of query heads, 1 to 64"),
    ("context", "largest number of positions, a multiple of B, at most 4096"),
    ("activations", "largest inner dimension of a matrix, a multiple of V, at most 32768"),
    ("outputs", "accumulators for each row, a multiple of max(R, V), at most 32768"),
    ("vector_words", "words of V binary32 in the vector memory of a row, at most 65536"),
    ("shared_words", "words of V binary32 in the shared vector memory, at most 65536"),
    ("scalars", "binary32 scalars of a row, a power of two, 32 to 256"),
    ("prefetch_beats", "beats of the step stream that run ahead, a power of two, 2 * burst_beats or more"),
    ("kv_beats", "beats of K/V data that run ahead, a power of two, 2 * burst_beats or more"),
    ("burst_beats", "longest AXI burst in beats, a power of two, at most 256 and 4096 / port_bytes"),
    ("outstanding", "read bursts in flight, a power of two, 1 to 64"),
    ("top_k", "largest number of logits that the device selects, 1 to 64"),
    ("address_bits", "width of AXI addresses, 24 to 64"),
    ("probe", "adds the observation port of the vector unit, for lockstep simulation"),
];

/// Names of the presets.
pub const PRESETS: &[&str] = &["tiny", "ulx3s-85f", "tang-nano-20k", "kv260"];

/// What all ports of a memory together carry at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceiling {
    /// Each port's width in every cycle.
    Ports,
    /// 10^6 bytes a second.
    Megabytes(u32),
    /// Bytes in a cycle: memory on the design's clock.
    Cycle(u32),
}

/// Memories that a configuration may name, and their ceilings. The simulation models the rest of them.
/// `kv260`: the best that users of that board logged; `ulx3s`: a 16-bit SDRAM; `tang-nano-20k`: one of 32 bits.
pub const MEMORIES: [(&str, Ceiling); 4] = [
    ("ideal", Ceiling::Ports),
    ("kv260", Ceiling::Megabytes(15_100)),
    ("ulx3s", Ceiling::Cycle(2)),
    ("tang-nano-20k", Ceiling::Cycle(4)),
];

impl Config {
    /// A preset by name.
    ///
    /// # Errors
    /// One sentence that names the presets, if there is none of this name.
    pub fn preset(name: &str) -> Result<Config, String> {
        match name {
            "tiny" => Ok(Config::tiny()),
            "ulx3s-85f" => Ok(Config::ulx3s_85f()),
            "tang-nano-20k" => Ok(Config::tang_nano_20k()),
            "kv260" => Ok(Config::kv260()),
            _ => Err(format!("there is no preset '{name}'; choose one of: {}", PRESETS.join(", "))),
        }
    }

    /// The preset that has this hash.
    pub fn with_hash(hash: u64) -> Option<Config> {
        PRESETS.iter().filter_map(|name| Config::preset(name).ok()).find(|config| config.hash() == hash)
    }

    /// Small enough to read and quick to simulate; runs the model that ships.
    fn tiny() -> Config {
        Config {
            name: "tiny".into(),
            clock_mhz: 100,
            memory: "ideal".into(),
            rows: 2,
            group: 3,
            tables: 13,
            lookups: 1,
            table_kind: TableKind::Signed,
            table_banks: 2,
            lanes: 4,
            ports: 1,
            port_bytes: 8,
            attention_width: 8,
            slots: 4,
            head_size: 32,
            heads: 8,
            context: 512,
            activations: 768,
            outputs: 1536,
            vector_words: 512,
            shared_words: 256,
            scalars: 128,
            prefetch_beats: 256,
            kv_beats: 64,
            burst_beats: 16,
            outstanding: 8,
            top_k: 40,
            address_bits: 32,
            probe: false,
        }
    }

    /// LFE5U-85F on the ULX3S, for models of the shipped one's size. Its memory gives 2 bytes a cycle, so a beat of 4 bytes, all 20
    /// trits of it used, keeps the engine half busy; 2 rows make a prompt twice as fast, and with 4 the wires get so long that 60 MHz
    /// are out of reach; the prefetch buffer holds 4096 cycles of the memory, longer than any work between two matrices.
    fn ulx3s_85f() -> Config {
        Config {
            name: "ulx3s-85f".into(),
            clock_mhz: 80,
            memory: "ulx3s".into(),
            rows: 2,
            group: 4,
            tables: 5,
            lanes: 2,
            port_bytes: 4,
            attention_width: 4,
            slots: 2,
            vector_words: 1024,
            shared_words: 512,
            prefetch_beats: 2048,
            top_k: 16,
            ..Config::tiny()
        }
    }

    /// GW2AR-18 on the Tang Nano 20K, for the shipped model.
    fn tang_nano_20k() -> Config {
        Config {
            name: "tang-nano-20k".into(),
            clock_mhz: 54,
            memory: "tang-nano-20k".into(),
            rows: 1,
            group: 3,
            tables: 6,
            table_banks: 2,
            lanes: 1,
            port_bytes: 4,
            attention_width: 4,
            slots: 1,
            outputs: 1024,
            vector_words: 1024,
            shared_words: 1024,
            scalars: 64,
            prefetch_beats: 512,
            kv_beats: 128,
            outstanding: 4,
            top_k: 40,
            address_bits: 24,
            ..Config::tiny()
        }
    }

    /// XCK26 on the KV260: four 128-bit ports to DDR4. 16 rows, 8 lanes and 4 slots are what `sterna-gen explore` finds fastest of what
    /// takes 90 % of the part or less; all 320 trits of a beat are used. Memories hold models of up to 32 heads of 128 and an
    /// inner dimension of 8000: codes are as deep as a block memory then, accumulators half as deep, and vector memory five blocks of
    /// 4096 words.
    fn kv260() -> Config {
        Config {
            name: "kv260".into(),
            clock_mhz: 250,
            memory: "kv260".into(),
            rows: 16,
            group: 2,
            tables: 20,
            lookups: 8,
            table_kind: TableKind::Full,
            table_banks: 2,
            lanes: 8,
            ports: 4,
            port_bytes: 16,
            attention_width: 16,
            slots: 4,
            head_size: 128,
            heads: 32,
            context: 4096,
            activations: 8000,
            outputs: 2048,
            vector_words: 1280,
            shared_words: 2048,
            scalars: 128,
            prefetch_beats: 4096,
            kv_beats: 2048,
            burst_beats: 64,
            outstanding: 16,
            top_k: 64,
            address_bits: 40,
            probe: false,
        }
    }

    /// Reads a configuration from TOML text.
    ///
    /// # Errors
    /// One sentence that names the field, or every problem that [`Config::check`] finds.
    pub fn from_toml(text: &str) -> Result<Config, String> {
        let de = toml::Deserializer::parse(text).map_err(|e| format!("not a TOML file: {}", e.message()))?;
        let config: Config = serde_path_to_error::deserialize(de).map_err(|e| {
            let inner = e.inner().message().to_string();
            let path = e.path().to_string();
            match path.as_str() {
                "." => format!("{inner}; `sterna-gen schema` shows every field"),
                _ => format!("field '{path}': {inner}"),
            }
        })?;
        let problems = config.check();
        if problems.is_empty() { Ok(config) } else { Err(problems.join("; ")) }
    }

    /// B: bytes that all ports deliver in a cycle.
    pub fn beat_bytes(&self) -> usize {
        (self.ports * self.port_bytes) as usize
    }
    /// Inputs of a chunk, T*G.
    pub fn chunk(&self) -> usize {
        (self.tables * self.group) as usize
    }
    /// S: tokens whose K/V bytes lie side by side in a beat, B / U.
    pub fn tokens_per_beat(&self) -> usize {
        self.beat_bytes() / self.attention_width as usize
    }
    /// Accumulators that are read at a time, as a block or a word: max(R, V).
    pub fn accumulator_banks(&self) -> usize {
        self.lookups.max(self.lanes) as usize
    }
    /// Inputs of a matrix that a row's activation codes have room for, the padding of a last chunk included.
    pub fn padded_activations(&self) -> usize {
        (self.activations as usize).next_multiple_of(self.chunk())
    }
    /// Rows whose activation codes lie in one memory and are read in turn, a word of V each: as many as a memory of 288 kbit has room
    /// for. Elsewhere each row has its own.
    pub fn rows_per_code_memory(&self) -> usize {
        let words = self.padded_activations().div_ceil(self.lanes as usize).next_power_of_two();
        if !self.ultrascale() || !self.chunk().is_multiple_of(self.lanes as usize) {
            return 1;
        }
        let most = (4096 / words).clamp(1, self.lanes as usize);
        1 << most.ilog2().min(self.rows.trailing_zeros())
    }
    /// Cycles from one chunk's tables to the next's at the earliest.
    pub fn build_cycles(&self) -> usize {
        self.chunk() + self.table_entries() + self.rows_per_code_memory()
    }
    /// Outputs of a matrix from which on tables are made as fast as they are used: a beat a cycle.
    pub fn full_rate_outputs(&self) -> usize {
        self.build_cycles() * self.lookups as usize
    }
    /// Entries of a table.
    pub fn table_entries(&self) -> usize {
        let full = 3usize.pow(self.group);
        match self.table_kind {
            TableKind::Full => full,
            TableKind::Signed => full.div_ceil(2),
        }
    }
    /// Bits of a table entry: holds +-128 * G.
    pub fn entry_bits(&self) -> u32 {
        bits_for(128 * u64::from(self.group))
    }
    /// Bits of an accumulator: holds every sum of `activations` products of an int8 code and a weight of
    /// [`MAX_PLANES`] planes.
    pub fn acc_bits(&self) -> u32 {
        let weight = (3u64.pow(MAX_PLANES as u32) - 1) / 2;
        let padded = u64::from(self.activations).next_multiple_of(self.chunk() as u64);
        bits_for(128 * weight * padded).min(32)
    }
    /// Bytes a second that the memory carries at most at this clock: what its ceiling and the ports allow.
    pub fn memory_bandwidth(&self) -> u64 {
        let clock = u64::from(self.clock_mhz) * 1_000_000;
        let ports = clock * self.beat_bytes() as u64;
        let ceiling = MEMORIES.iter().find(|(name, _)| *name == self.memory).map(|(_, ceiling)| *ceiling);
        match ceiling {
            None | Some(Ceiling::Ports) => ports,
            Some(Ceiling::Megabytes(rate)) => ports.min(u64::from(rate) * 1_000_000),
            Some(Ceiling::Cycle(bytes)) => ports.min(clock * u64::from(bytes)),
        }
    }

    /// Whether the clock is so fast that paths of `ready`, and each step of binary32 arithmetic, must end in registers; a slower
    /// design saves these.
    pub fn fast_clock(&self) -> bool {
        self.clock_mhz > 66
    }

    /// Bits of the number of a beat that addresses are made of. A slower design leaves out those beyond the address bus.
    pub fn place_bits(&self) -> u32 {
        if self.fast_clock() { 32 } else { (self.address_bits - self.port_bytes.ilog2()).min(32) }
    }

    /// Whether the part beside this memory is an UltraScale+ one: memories of 288 kbit (URAM), adders of 48 bits in its multipliers.
    pub fn ultrascale(&self) -> bool {
        self.memory == "kv260"
    }

    /// Whether attention's softmax uses the binary32 units of the vector unit's only lane, so that no VECTOR runs beside an ATTN: the
    /// smallest of designs, with one lane and one slot.
    pub fn lends_units(&self) -> bool {
        self.lanes == 1 && self.slots == 1
    }

    /// Bits of a beat of memory.
    pub fn beat_bits(&self) -> u32 {
        8 * self.beat_bytes() as u32
    }
    /// Beats of an instruction slot.
    pub fn instruction_beats(&self) -> usize {
        crate::isa::INSTRUCTION_BYTES.div_ceil(self.beat_bytes())
    }
    /// The first eight bytes of SHA-256 over the configuration's canonical TOML, without `name`, `clock_mhz`,
    /// `memory` and `probe`, which change no behaviour: what a device and a host compare.
    pub fn hash(&self) -> u64 {
        let same =
            Config { name: String::new(), clock_mhz: 0, memory: String::new(), probe: false, ..self.clone() };
        let text = toml::to_string(&same).unwrap_or_default();
        let digest = Sha256::digest(text.as_bytes());
        u64::from_le_bytes(std::array::from_fn(|i| digest[i]))
    }

    /// All that is wrong with the numbers, a sentence each; empty if the configuration is legal.
    pub fn check(&self) -> Vec<String> {
        let mut problems = Vec::new();
        self.check_ranges(&mut problems);
        if problems.is_empty() {
            self.check_relations(&mut problems);
        }
        problems
    }

    fn check_ranges(&self, problems: &mut Vec<String>) {
        let name_ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || !self.name.chars().all(name_ok) {
            problems.push(format!("name '{}' must consist of lower-case letters, digits and '-'", self.name));
        }
        if !MEMORIES.iter().any(|(name, _)| *name == self.memory) {
            problems.push(format!(
                "memory '{}' is not a profile; choose ideal, kv260, ulx3s or tang-nano-20k",
                self.memory
            ));
        }
        let ranges = [
            ("clock_mhz", self.clock_mhz, 1, 1000),
            ("rows", self.rows, 1, 16),
            ("group", self.group, 2, 4),
            ("tables", self.tables, 1, 213),
            ("lookups", self.lookups, 1, 64),
            ("table_banks", self.table_banks, 1, 2),
            ("lanes", self.lanes, 1, 16),
            ("ports", self.ports, 1, 4),
            ("port_bytes", self.port_bytes, 4, 64),
            ("attention_width", self.attention_width, 2, 64),
            ("slots", self.slots, 1, 8),
            ("head_size", self.head_size, 2, 256),
            ("heads", self.heads, 1, 64),
            ("context", self.context, 2, 4096),
            ("activations", self.activations, 2, 32768),
            ("outputs", self.outputs, 8, 32768),
            ("vector_words", self.vector_words, 2, 65536),
            ("shared_words", self.shared_words, 2, 65536),
            ("scalars", self.scalars, 32, 256),
            ("prefetch_beats", self.prefetch_beats, 4, 65536),
            ("kv_beats", self.kv_beats, 4, 65536),
            ("burst_beats", self.burst_beats, 1, 256),
            ("outstanding", self.outstanding, 1, 64),
            ("top_k", self.top_k, 1, 64),
            ("address_bits", self.address_bits, 24, 64),
        ];
        for (name, value, low, high) in ranges {
            if value < low || value > high {
                problems.push(format!("{name} is {value}; it must lie between {low} and {high}"));
            }
        }
        let powers = [
            ("lookups", self.lookups),
            ("lanes", self.lanes),
            ("ports", self.ports),
            ("port_bytes", self.port_bytes),
            ("attention_width", self.attention_width),
            ("scalars", self.scalars),
            ("prefetch_beats", self.prefetch_beats),
            ("kv_beats", self.kv_beats),
            ("burst_beats", self.burst_beats),
            ("outstanding", self.outstanding),
        ];
        for (name, value) in powers {
            if !value.is_power_of_two() {
                problems.push(format!("{name} is {value}; it must be a power of two"));
            }
        }
    }

    fn check_relations(&self, problems: &mut Vec<String>) {
        let beat = self.beat_bytes() as u32;
        let trits = self.lookups * self.tables * self.group;
        let mut require = |ok: bool, sentence: String| {
            if !ok {
                problems.push(sentence);
            }
        };
        require(
            trits <= 5 * beat,
            format!(
                "lookups * tables * group is {trits} trits, but a beat of {beat} bytes holds {}; lower tables to {} or widen the ports",
                5 * beat,
                5 * beat / (self.lookups * self.group)
            ),
        );
        require(beat <= 128, format!("ports * port_bytes is {beat}; it must be at most 128"));
        require(
            self.attention_width >= self.lanes && self.attention_width <= beat,
            format!(
                "attention_width is {}; it must lie between lanes ({}) and the beat's {beat} bytes",
                self.attention_width, self.lanes
            ),
        );
        let multiples = [
            ("head_size", self.head_size, "attention_width", self.attention_width),
            ("context", self.context, "ports * port_bytes", beat),
            ("activations", self.activations, "lanes", self.lanes),
            ("outputs", self.outputs, "max(lookups, lanes)", self.accumulator_banks() as u32),
        ];
        for (name, value, of, unit) in multiples {
            let next = value.next_multiple_of(unit);
            require(
                value % unit == 0,
                format!("{name} is {value}; it must be a multiple of {of} ({unit}), for example {next}"),
            );
        }
        let burst = 4096 / self.port_bytes;
        require(
            self.burst_beats <= burst,
            format!(
                "burst_beats is {}; {burst} beats of {} bytes fill the 4 KiB that a burst may span",
                self.burst_beats, self.port_bytes
            ),
        );
        for (name, value) in [("prefetch_beats", self.prefetch_beats), ("kv_beats", self.kv_beats)] {
            require(
                value >= 2 * self.burst_beats,
                format!("{name} is {value}; it must be at least twice burst_beats, {}", 2 * self.burst_beats),
            );
        }
        require(
            self.outputs / self.lookups >= crate::isa::MIN_BLOCKS as u32,
            format!(
                "outputs is {}; with lookups = {} it must be at least {}",
                self.outputs,
                self.lookups,
                crate::isa::MIN_BLOCKS as u32 * self.lookups
            ),
        );
    }
}

/// Bits of a signed integer that holds `-magnitude ..= magnitude`.
fn bits_for(magnitude: u64) -> u32 {
    65 - magnitude.leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_legal_and_survive_toml() {
        for name in PRESETS {
            let config = Config::preset(name).unwrap();
            assert_eq!(config.check(), Vec::<String>::new());
            let text = toml::to_string(&config).unwrap();
            assert_eq!(Config::from_toml(&text).unwrap(), config);
            for ((field, _), line) in FIELDS.iter().zip(text.lines()) {
                assert!(line.starts_with(&format!("{field} = ")), "{field}: {line}");
            }
            assert_eq!(FIELDS.len(), text.lines().count());
        }
    }

    #[test]
    fn widths_hold_their_extremes() {
        let c = Config::tiny();
        assert_eq!(c.entry_bits(), 10); // +-384
        let largest: i64 = 128 * 121 * 780;
        assert!(1i64 << (c.acc_bits() - 1) > largest && 1i64 << (c.acc_bits() - 2) <= largest);
    }

    #[test]
    fn the_hash_ignores_names_only() {
        let c = Config::tiny();
        assert_eq!(c.hash(), Config { name: "other".into(), clock_mhz: 7, ..c.clone() }.hash());
        assert_ne!(c.hash(), Config { rows: 3, ..c }.hash());
    }

    #[test]
    fn all_problems_come_at_once() {
        let c = Config { tables: 14, attention_width: 2, context: 100, burst_beats: 256, ..Config::tiny() };
        insta::assert_snapshot!(c.check().join("\n"));
        let c = Config { rows: 0, lookups: 3, name: "A b".into(), memory: "ddr9".into(), ..Config::tiny() };
        insta::assert_snapshot!(c.check().join("\n"));
        insta::assert_snapshot!(Config::from_toml("name = \"x\"\nrows = \"many\"").unwrap_err());
        let none = Config::preset("huge").unwrap_err();
        insta::assert_snapshot!(none.replace(&PRESETS.join(", "), "PRESETS"));
    }
}
