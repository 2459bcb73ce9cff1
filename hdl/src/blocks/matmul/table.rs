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

/// The sum of `leaves` by registers of [`ARITY`] inputs; `stage` bit i enables level i. `width` is that of a sum of so many.
pub(super) fn tree<'m>(
    m: &'m Module,
    name: &str,
    leaves: Vec<Sig<'m>>,
    stage: Sig<'m>,
    levels: usize,
    width: impl Fn(usize) -> u32,
) -> Sig<'m> {
    let mut values: Vec<(usize, Sig)> = leaves.into_iter().map(|v| (1, v)).collect();
    for level in 0..levels {
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
        let leaves = (0..d.tables).map(|t| signs.q().bit((r * d.tables + t) as u32)).collect();
        tree(&m, &format!("count{r}"), leaves, levels, d.levels(), count_width)
    };
    let counts: Vec<Sig> = (0..d.lookups).map(count).collect();
    let out = m.cat_lsb(&counts);
    m.output("count", out.ty(), "complemented entries, for each look-up").set(out);
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
    for t in 0..d.tables {
        let table = m.mem(&format!("table_{t}"), d.entry_bits, 1 << address_bits, MemStyle::Lut, "");
        let builder = (t % builders) as u32;
        table.write(
            write.bit(t as u32),
            address.word(builder, address_bits),
            data.word(builder, d.entry_bits),
        );
        for (r, leaves) in leaves.iter_mut().enumerate() {
            let at = (r * d.tables + t) as u32;
            let read = bank.map_or(index.word(at, bits), |bank| cat_lsb(&[index.word(at, bits), bank]));
            let entry = table.read(&format!("entry_{r}_{t}"), read, stage.bit(0)).as_signed();
            leaves.push(match signs {
                Some((signs, _)) => {
                    let sign = signs.bit(at).repeat(d.entry_bits).as_signed();
                    (entry ^ sign).named(&format!("leaf_{r}_{t}"))
                }
                None => entry,
            });
        }
    }
    let width = |count| d.sum_bits(count);
    let sum = |(r, leaves): (usize, Vec<_>)| {
        let sum = tree(&m, &format!("sum{r}"), leaves, stage.bits(1, levels), d.levels(), width);
        let Some((_, count)) = signs else { return sum };
        let count = count.word(r as u32, count_width(d.tables)).zext(sum.width()).as_signed();
        let r = m.reg(&format!("sum{r}"), sum.ty(), None, "the complements completed");
        r.when(stage.bit(1 + levels), sum.wrapping_add(count));
        r.q()
    };
    let sums: Vec<Sig> = leaves.into_iter().enumerate().map(sum).collect();
    debug_assert!(sums.iter().all(|sum| sum.ty() == s(d.sum_bits(d.tables))));
    let out = m.cat_lsb(&sums);
    m.output("sums", out.ty(), "one signed sum for each look-up").set(out);
    m
}
