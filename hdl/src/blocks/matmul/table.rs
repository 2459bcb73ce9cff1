//! The tables of one row, their look-ups and the adder trees: from indices to R sums of T entries.
//!
//! ```text
//! builders --> T tables (LUT RAM, R reads) --[entry]--> sign --> tree of registered adders --[level]--> correction --> sums
//! ```
//!
//! With `signed` tables an entry counts negatively by its complement, and the number of complemented entries, the same
//! for all rows, is added at the end: -x = ~x + 1.
//!
//! Ports: `write` (T), `address` (K builders), `data` (K entries); `index`, `negative`, `bank`, `count`; `stage`
//! (bit i: the register behind stage i takes its value); `sums` (R).

use super::dims::{ARITY, Dims};
use crate::dsl::{MemStyle, Module, Sig, cat_lsb, count_width, s, u};

/// Read ports of a memory in look-up tables: a slice of UltraScale+ has eight look-up tables, of which one takes the write address
/// (RAM32M16, UG574). Families with fewer make a copy for each reader anyway.
const READERS: usize = 7;
/// Numbers that a multiplier's adder adds side by side, and the bits of each.
pub(super) const FIELDS: usize = 4;
const FIELD: u32 = 12;
/// Of a row's sums of four, those that are made in multipliers: with as many `kv260` takes no more of them than TeLLMe v2 (610).
const IN_MULTIPLIERS: usize = 15;

/// The sum of `values`, each with the number of entries that it is the sum of, by registers of [`ARITY`] inputs; `stage` bit i enables
/// level i. `width` is that of a sum of so many entries.
pub(super) fn tree<'m>(
    m: &'m Module,
    name: &str,
    mut values: Vec<(usize, Sig<'m>)>,
    stage: Sig<'m>,
    levels: std::ops::Range<usize>,
    width: impl Fn(usize) -> u32,
) -> Sig<'m> {
    for level in levels {
        let next = values.chunks(ARITY).enumerate().map(|(i, four)| {
            let count = four.iter().map(|(n, _)| n).sum();
            let sum = four[1..].iter().fold(four[0].1, |sum, (_, v)| sum + *v).resize(width(count));
            let r = m.reg(&format!("{name}_level{level}_{i}"), sum.ty(), None, "");
            r.when(stage.bit(level as u32), sum);
            (count, r.q())
        });
        values = next.collect();
    }
    values[0].1
}

/// Number of negative entries of each look-up, in step with the adder trees of the rows.
pub(super) fn negatives(d: &Dims) -> Module {
    let m = Module::new("matmul_negatives", "Counts the complemented entries of each look-up.");
    let negative = m.input("negative", u((d.lookups * d.tables) as u32), "signs, with the indices");
    let stage = m.input("stage", u(1 + d.levels() as u32), "entries and levels that take their value");
    let signs = m.reg("signs_q", negative.ty(), None, "in step with the entries");
    signs.when(stage.bit(0), negative);
    m.output("signs", signs.q().ty(), "complemented entries, with the entries").set(signs.q());
    let levels = stage.bits(1, d.levels() as u32);
    let count = |r: usize| {
        let leaves = (0..d.tables).map(|t| (1, signs.q().bit((r * d.tables + t) as u32))).collect();
        tree(&m, &format!("count{r}"), leaves, levels, 0..d.levels(), count_width)
    };
    let counts: Vec<Sig> = (0..d.lookups).map(count).collect();
    let out = m.cat_lsb(&counts);
    m.output("count", out.ty(), "complemented entries, for each look-up").set(out);
    m
}

/// Entries as the signed values that they are.
fn plain<'m>(leaves: &[Vec<Sig<'m>>]) -> Vec<Vec<(usize, Sig<'m>)>> {
    leaves.iter().map(|entries| entries.iter().map(|entry| (1, entry.as_signed())).collect()).collect()
}

/// The first level of the trees of four look-ups at a time, as one sum of 48 bits: an entry is stored with its sign inverted, as a number
/// that is not negative, so nothing is carried from one field of twelve bits to the next. The first [`IN_MULTIPLIERS`] are for multipliers.
fn packed<'m>(
    m: &'m Module,
    d: &Dims,
    leaves: &[Vec<Sig<'m>>],
    stage: Sig<'m>,
) -> Vec<Vec<(usize, Sig<'m>)>> {
    let add = std::rc::Rc::new(packed_add());
    let bits = d.entry_bits;
    let mut sums = vec![Vec::new(); d.lookups];
    let pairs = (0..d.lookups).step_by(FIELDS).flat_map(|r| (0..d.tables).step_by(2).map(move |t| (r, t)));
    for (at, (r, t)) in pairs.enumerate() {
        let count = 2.min(d.tables - t);
        let width = bits + count as u32 - 1;
        let entry = |r: usize, t: usize| {
            if t < d.tables { leaves[r][t].as_unsigned() } else { m.u(bits, 0) }
        };
        let fields: Vec<Sig> = if at < IN_MULTIPLIERS {
            let side = |t: usize| m.cat_lsb(&[0, 1, 2, 3].map(|k| entry(r + k, t).zext(FIELD)));
            let sum = m.instance(&format!("u_pair_{r}_{t}"), &add);
            sum.connect("stage", stage);
            sum.connect("a", side(t));
            sum.connect("b", side(t + 1));
            let field = |k: u32| {
                let field = sum.out("sum").word(k, FIELD);
                if width < FIELD {
                    m.unused("no sum reaches the top of its field", field.bits(width, FIELD - width));
                }
                field.bits(0, width)
            };
            (0..FIELDS as u32).map(field).collect()
        } else {
            let field = |k: usize| {
                let sum =
                    m.reg(&format!("sum_{}_{t}", r + k), u(width), None, "as a multiplier's adder makes it");
                sum.when(stage, (entry(r + k, t) + entry(r + k, t + 1)).trunc(width));
                sum.q()
            };
            (0..FIELDS).map(field).collect()
        };
        for (k, field) in fields.into_iter().enumerate() {
            let value = opposite(field).named(&format!("pair_{}_{t}", r + k)).as_signed();
            sums[r + k].push((count, value.resize(d.sum_bits(count))));
        }
    }
    sums
}

/// With the sign inverted: what a signed number is stored as to be none, and back.
pub(super) fn opposite(x: Sig<'_>) -> Sig<'_> {
    let low = x.width() - 1;
    cat_lsb(&[x.bits(0, low), !x.bit(low)])
}

/// The sum of two packed numbers.
fn packed_add() -> Module {
    let m = Module::new(
        "matmul_packed_add",
        "Four sums side by side, in the adder of a multiplier where there is one.",
    );
    m.prefer_dsp();
    let width = u(FIELD * FIELDS as u32);
    let (a, b) = (m.input("a", width, "four numbers"), m.input("b", width, "four numbers"));
    let sum = m.reg("sum_q", width, None, "their sums");
    sum.when(m.input("stage", u(1), "the sums take their value"), a.wrapping_add(b));
    m.output("sum", width, "their sums").set(sum.q());
    m
}

/// The tables of one row.
pub(super) fn tables(d: &Dims) -> Module {
    let m = Module::new("matmul_tables", "The tables of one row, their look-ups and adder trees.");
    let (bits, groups) = (d.index_bits(), (d.lookups * d.tables) as u32);
    let (address_bits, builders) = (d.table_address(), d.builders());
    let write = m.input("write", u(d.tables as u32), "tables that are written");
    let address = m.input("address", u(address_bits * builders as u32), "address, for each builder");
    let data = m.input("data", u(d.entry_bits * builders as u32), "entry, from each builder");
    let index = m.input("index", u(bits * groups), "entries to read");
    let bank = (d.banks == 2).then(|| m.input("bank", u(1), "bank to read"));
    let signs = d.signed.then(|| {
        let count = m.input(
            "count",
            u(count_width(d.tables) * d.lookups as u32),
            "complemented entries, with the sums",
        );
        (m.input("signs", u(groups), "complemented entries, with the entries"), count)
    });
    let levels = d.levels() as u32;
    let stage = m.input(
        "stage",
        u(1 + levels + u32::from(d.signed)),
        "entries, levels and sums that take their value",
    );

    let mut leaves = vec![Vec::new(); d.lookups];
    for (t, r) in (0..d.tables).flat_map(|t| (0..d.lookups).step_by(READERS).map(move |r| (t, r))) {
        let copy = if r == 0 { String::new() } else { format!("_{}", r / READERS) };
        let table = m.mem(&format!("table_{t}{copy}"), d.entry_bits, 1 << address_bits, MemStyle::Lut, "");
        let builder = (t % builders) as u32;
        table.write(
            write.bit(t as u32),
            address.word(builder, address_bits),
            data.word(builder, d.entry_bits),
        );
        for (r, leaves) in leaves.iter_mut().enumerate().skip(r).take(READERS) {
            let at = (r * d.tables + t) as u32;
            let read = bank.map_or(index.word(at, bits), |bank| cat_lsb(&[index.word(at, bits), bank]));
            let entry = table.read(&format!("entry_{r}_{t}"), read, stage.bit(0));
            leaves.push(match signs {
                Some((signs, _)) => {
                    let sign = signs.bit(at).repeat(d.entry_bits);
                    (entry ^ sign).named(&format!("leaf_{r}_{t}"))
                }
                None => entry,
            });
        }
    }
    let stages = stage.bits(1, levels);
    let (first, level) =
        if d.packed() { (packed(&m, d, &leaves, stages.bit(0)), 1) } else { (plain(&leaves), 0) };
    let width = |count| d.sum_bits(count);
    let sum = |(r, values): (usize, Vec<_>)| {
        let sum = tree(&m, &format!("sum{r}"), values, stages, level..d.levels(), width);
        let Some((_, count)) = signs else { return sum };
        let count = count.word(r as u32, count_width(d.tables)).zext(sum.width()).as_signed();
        let r = m.reg(&format!("sum{r}"), sum.ty(), None, "the complements completed");
        r.when(stage.bit(1 + levels), sum.wrapping_add(count));
        r.q()
    };
    let sums: Vec<Sig> = first.into_iter().enumerate().map(sum).collect();
    debug_assert!(sums.iter().all(|sum| sum.ty() == s(d.sum_bits(d.tables))));
    let out = m.cat_lsb(&sums);
    m.output("sums", out.ty(), "one signed sum for each look-up").set(out);
    m
}
