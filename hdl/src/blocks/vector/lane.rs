//! One lane: convert, multiply, function, second operation, quantize; and its share of the partial sums of squares.
//!
//! ```text
//!  integer ─ int_to_f32 ─┐        m            func                b
//!                        ├─ A ──┬─ f32_mul ─┬──┬─ f32_sfu ─┬─ F ┬──┴─ f32_mul ──┬─ Z ─ quantize ─ code
//!  raw ──────────────────┘      └───────────┘  └───────────┘    ├─────┴ f32_add ┤
//!                                                               └── max, none ──┘
//! ```
//!
//! Relu is no work for `f32_sfu`. A, F and Z are registers. A unit before F that an instruction does not use is passed by without delay, so F stands one
//! cycle after A and the latencies of the used units, and Z one cycle after F and the second operation's. While squares
//! are summed the second multiplier takes A, and the adder adds the square to a partial sum, or folds the partial sums.
//!
//! The only lane of the smallest design lends its units to the attention unit while no VECTOR is at work.

use super::super::{fp, staged};
use super::tag::{Widths, pipe};
use super::{Cycles, Shared};
use crate::dsl::{MemStyle, Module, Sig, index_width, u};
use sterna_spec::config::Config;
use sterna_spec::isa::ZOp;
use sterna_spec::numbers::PARTIAL_SUMS;

/// Partial sums of a lane: partial `i` is slot `i / V` of lane `i mod V`.
pub(super) fn slots(c: &Config) -> u32 {
    PARTIAL_SUMS as u32 / c.lanes
}

/// Bits of a slot's number.
pub(super) fn slot_bits(c: &Config) -> u32 {
    index_width(slots(c) as usize)
}

/// The adder's operands while squares are summed.
struct Sum<'m> {
    /// The instruction sums squares.
    on: Sig<'m>,
    left: Sig<'m>,
    right: Sig<'m>,
}

/// Module `vector_lane`.
pub(super) fn lane(c: &Config, w: Widths, units: &Shared) -> Module {
    let m = Module::new(
        "vector_lane",
        "One binary32 lane of the vector unit; the settings are stable during an instruction.",
    );
    let flag = |name: &str, doc: &str| m.input(name, u(1), doc);
    let loan = Loan { on: c.lends_units().then(|| flag("lent", "the attention unit uses the units")) };
    let [a, a_clears] = operand_a(&m, c, units, &loan);
    let mul = m.instance("first_mul", &units.mul);
    mul.connect("a", loan.operand("first_a", a));
    mul.connect("b", loan.operand("first_b", m.input("m", u(32), "factor, binary32, with A")));
    loan.result("first_product", mul.out("product"));
    let has_m = flag("has_m", "there is a factor");
    let product = m.node("factored", has_m.mux(mul.out("product"), a));
    let clears = has_m.mux(fp::relu_clears_result(mul.out("product")), a_clears);
    let clears = m.node("cleared", clears & flag("relu", "the function is relu"));

    let sfu = m.instance("sfu", &units.sfu);
    sfu.connect("x", loan.operand("sfu_x", product));
    sfu.connect("func", loan.operand("sfu_func", m.input("func", u(3), "function")));
    loan.result("sfu_result", sfu.out("result"));
    let plain = product & (!clears).repeat(32);
    let f = flag("has_func", "there is another function").mux(sfu.out("result"), plain);
    let f = m.delay("f", f, "function of the product");
    let b = m.input("b", u(32), "operand of the second operation, binary32, with F");
    let zop = m.input("zop", u(3), "second operation");

    let on = flag("sum_squares", "squares of A are summed");
    let square = zop.eq(ZOp::Square as u32);
    let second = m.instance("second_mul", &units.mul);
    second.connect("a", loan.operand("second_a", on.mux(a, f)));
    second.connect("b", loan.operand("second_b", on.mux(a, square.mux(f, b))));
    loan.result("second_product", second.out("product"));

    let add = m.instance("add", &units.add);
    let sum = partial_sums(&m, c, w, on, second.out("product"), add.out("sum"));
    let cycles = Cycles::of(c);
    let augend = m.delay("augend", sum.on.mux(sum.left, f), "of the adder");
    add.connect("a", loan.operand("add_a", augend));
    let addend = m.delay("addend", sum.on.mux(sum.right, b), "of the adder");
    add.connect("b", loan.operand("add_b", addend));
    loan.result("add_sum", add.out("sum"));
    let second = pipe("late_product", second.out("product"), cycles.product - cycles.fp.mul, false);
    let added = pipe("late_sum", add.out("sum"), cycles.sum - cycles.add, false);
    let late = |name: &str, x, doc: &str| staged(&m, !c.fast_clock(), name, x, doc);
    let later = |stage: u32, [f, b]: [_; 2]| {
        [("f", f), ("b", b)].map(|(name, x)| late(&format!("{name}{stage}"), x, "operand of the maximum"))
    };
    let operands = later(1, [f, b]);
    let [first, nan] = fp::compare(operands[0], operands[1]);
    let order = [late("f_is_larger", first, ""), late("both_nan", nan, "")];
    let [f, b] = later(2, operands);
    let short = zop.eq(ZOp::Max as u32).mux(fp::choose(order, f, b), f);
    let short = late("short", short, "F, or the larger of F and b");
    m.output("sum", u(32), "the adder's output").set(add.out("sum"));

    let arms = [(ZOp::Add as u32, added), (ZOp::Mul as u32, second), (ZOp::Square as u32, second)];
    let z = m.delay("z_q", zop.case(&arms, short), "result of the second operation");
    m.output("z", u(32), "result, binary32").set(z);
    quantize(&m, units, z, &loan);
    m
}

/// The units on loan to the attention unit, if they ever are, with ports of its names.
struct Loan<'m> {
    on: Option<Sig<'m>>,
}

impl<'m> Loan<'m> {
    /// What a unit takes: `own`, or the attention unit's operand.
    fn operand(&self, port: &str, own: Sig<'m>) -> Sig<'m> {
        let Some(on) = self.on else { return own };
        on.mux(on.module().input(&format!("lent_{port}"), own.ty(), "operand of the attention unit"), own)
    }

    fn result(&self, port: &str, result: Sig<'m>) {
        if let Some(on) = self.on {
            on.module()
                .output(&format!("lent_{port}"), result.ty(), "result for the attention unit")
                .set(result);
        }
    }
}

/// Operand A, and whether relu makes zero of it.
fn operand_a<'m>(m: &'m Module, c: &Config, units: &Shared, loan: &Loan<'m>) -> [Sig<'m>; 2] {
    let raw = m.input("raw", u(32), "A from vector memory or scalars, binary32");
    let integer =
        m.input("whole", crate::dsl::s(super::integer_bits(c)), "A from the matrix or the attention unit");
    let convert = m.instance("convert", &units.convert);
    convert.connect("value", loan.operand("float_value", integer));
    loan.result("float_result", convert.out("result"));
    let is_integer = m.input("is_integer", u(1), "A is an integer");
    let a = is_integer.mux(convert.out("result"), raw);
    [m.delay("a", a, "operand A"), m.delay("a_clears", fp::relu_clears(a), "relu makes zero of it")]
}

/// The lane's partial sums, and what the adder takes while squares are summed.
fn partial_sums<'m>(
    m: &'m Module,
    c: &Config,
    w: Widths,
    on: Sig<'m>,
    square: Sig<'m>,
    sum: Sig<'m>,
) -> Sum<'m> {
    let bits = slot_bits(c) + w.row;
    let flag = |name: &str, doc: &str| m.input(name, u(1), doc);
    let slot = |name: &str, doc: &str| m.input(name, u(bits), doc);
    let cycles = Cycles::of(c);
    let block = cycles.round > cycles.add;
    let style = if block { MemStyle::Block } else { MemStyle::Lut };
    let partial = m.mem("partial", 32, 1 << bits, style, "partial sums of this lane, all rows");
    let read = |name: &str, slot: Sig<'m>| match block {
        true => partial.read(name, slot, m.u(1, 1)),
        false => partial.read_async(name, slot),
    };
    partial.write(flag("slot_we", "keep the sum"), slot("slot_write", "where the sum goes"), sum);
    let left = read("left_partial", slot("slot_left", "left partial sum"));
    let right = read("right_partial", slot("slot_right", "right partial sum of a fold"));
    let left = left & (!flag("left_zero", "the left partial sum is still zero")).repeat(32);
    let right = right & (!flag("right_zero", "the right partial sum is still zero")).repeat(32);
    let fold = flag("fold", "partial sums of this lane are folded");
    let cross = flag("across", "sums of lanes are folded");
    m.output("left", u(32), "partial sum of this lane").set(left);
    let other = m.input("other", u(32), "that of the other lane");
    Sum { on, left, right: cross.mux(other, fold.mux(right, square)) }
}

/// int16 codes; int8 codes are the same, clamped further, because the limits are integers.
fn quantize<'m>(m: &'m Module, units: &Shared, z: Sig<'m>, loan: &Loan<'m>) {
    let quantize = m.instance("quantize", &units.quantize);
    quantize.connect("x", loan.operand("quantize_x", z));
    let wide = quantize.out("value");
    loan.result("quantize_value", wide.as_unsigned());
    let code16 = m.output("code16", crate::dsl::s(16), "result as an int16 code");
    code16.set(wide);
    let high = wide.bits(7, 9);
    let fits = high.all() | high.eq(0);
    let limit = wide.msb().mux(m.s(8, -128), m.s(8, 127));
    let doc = "result as an int8 code";
    m.output("code8", crate::dsl::s(8), doc).set(fits.mux(wide.bits(0, 8).as_signed(), limit));
}
