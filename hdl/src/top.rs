//! The accelerator: every block, wired.
//!
//! ```text
//!   s_axi ─► registers ─► sequencer ─┬─► loader ─────► vector ◄──► matmul
//!                            ▲       ├─► matmul          │ ▲
//!                            │p      ├─► vector          │ └────► attention
//!   m_axi ◄────────────── reader ──d─┴─► attention       ├─► topk
//!   m_axi ◄────────────── writer ◄────── store ◄─────────┘
//! ```
//!
//! Plain Verilog ports: `aclk`, `aresetn`, `s_axi_*` (AXI4-Lite), `m_axi_*` or `m0_axi_*`, ... (AXI4), `irq`.

use std::collections::BTreeMap;

use sterna_spec::config::Config;

use crate::blocks::{
    attention::{OPERANDS, RESULTS, attention},
    axi,
    counters::counters,
    loader::loader,
    matmul::matmul,
    reader::reader,
    registers::registers,
    sequencer::sequencer,
    store::store,
    topk::topk,
    vector::vector,
    writer::writer,
};
use crate::dsl::{Errors, Inst, Module, emit, mux};
use crate::observe::observe;

/// Name of the top module.
pub const TOP: &str = "sterna";

/// Connects outputs of one instance to inputs of others: `(from, output, &[(to, input)])`.
fn wire<'m>(from: Inst<'m>, output: &str, to: &[(Inst<'m>, &str)]) {
    to.iter().for_each(|(inst, input)| inst.connect(input, from.out(output)));
}

/// The accelerator's top module.
pub fn top(config: &Config) -> Module {
    let m = Module::new(TOP, "Sterna: a ternary language model accelerator. See docs/architecture.md.");
    m.clock("aclk");
    m.reset_low("aresetn");
    let regs = m.instance("register_block", registers(config));
    let control = m.instance("control", sequencer(config));
    let read = m.instance("read", reader(config));
    let write = m.instance("write", writer(config));
    let load = m.instance("load", loader(config));
    let engine = m.instance("engine", matmul(config));
    let lanes = m.instance("lanes", vector(config));
    let attend = m.instance("attend", attention(config));
    let keep = m.instance("keep", store(config));
    let select = m.instance("select", topk(config));
    let count = m.instance("tally", counters(config));

    m.export(regs, "s_axi", "s_axi");
    m.export(regs, "irq", "irq");
    for i in 0..config.ports {
        let name = axi::prefix(config, i);
        m.export(read, &name, &name);
        m.export(write, &name, &name);
    }
    if config.probe {
        m.export(lanes, "probe", "probe");
        m.export(control, "activity", "activity");
        let causes = control.out("count");
        m.output("activity_count", causes.ty(), "counters that advance in this cycle").set(causes);
        instructions(&m, control, load);
    }

    // the step
    wire(regs, "start", &[(control, "start")]);
    wire(regs, "rows", &[(control, "rows")]);
    let rows = regs.out("rows").trunc(5);
    [load, lanes, attend].iter().for_each(|unit| unit.connect("rows", rows));
    wire(regs, "row_info", &[control, load, lanes, attend, keep].map(|unit| (unit, "row_info")));
    wire(control, "insn", &[load, engine, attend].map(|unit| (unit, "insn")));
    wire(control, "vector_insn", &[lanes, keep, select].map(|unit| (unit, "insn")));
    for (unit, name) in [(load, "load"), (engine, "matmul"), (lanes, "vector"), (attend, "attention")] {
        unit.connect("start", control.out(&format!("start_{name}")));
        control.connect(&format!("{name}_done"), unit.out("done"));
    }
    wire(control, "busy", &[(regs, "busy")]);
    wire(control, "done", &[(regs, "done")]);
    wire(control, "error_valid", &[(regs, "error_valid")]);
    wire(control, "error_code", &[(regs, "error_code")]);
    wire(
        control,
        "program_start",
        &[(read, "program_start"), (lanes, "restart"), (select, "clear"), (count, "clear")],
    );
    wire(control, "count", &[(count, "count")]);
    wire(count, "values", &[(regs, "counters")]);
    if !config.fast_clock() {
        wire(count, "turn", &[(regs, "turn")]);
    }

    memory(&m, regs, control, read, write);
    streams(&m, config.probe, control, read, load, engine, attend, keep, write);
    vector_wires(lanes, load, engine, attend, keep, select);
    wire(regs, "result_base", &[(keep, "result_base")]);
    wire(regs, "result_stride", &[(keep, "result_stride")]);
    for name in ["kv_scale_beats", "kv_data_beats"] {
        wire(regs, name, &[(keep, name), (attend, name)]);
    }
    wire(keep, "empty", &[(control, "store_empty")]);
    wire(select, "idle", &[(control, "topk_idle")]);
    for name in ["rd_row", "rd_index"] {
        wire(regs, name, &[(select, name)]);
    }
    for name in ["rd_id", "rd_logit"] {
        wire(select, name, &[(regs, name)]);
    }
    wire(engine, "stall_stream", &[(control, "matmul_stream")]);
    wire(engine, "stall_codes", &[(control, "matmul_codes")]);
    wire(control, "coding", &[(engine, "coding")]);
    wire(attend, "stall_data", &[(control, "attention_data")]);
    wire(attend, "loaded", &[(control, "attention_loaded")]);
    wire(attend, "heads_done", &[(control, "attention_heads")]);
    if config.lends_units() {
        wire(control, "attention_works", &[(lanes, "lent")]);
        OPERANDS.iter().for_each(|port| wire(attend, port, &[(lanes, port)]));
        RESULTS.iter().for_each(|port| wire(lanes, port, &[(attend, port)]));
    }
    m
}

/// Shows the instructions that begin, and the words that are loaded.
fn instructions<'m>(m: &'m Module, control: Inst<'m>, load: Inst<'m>) {
    let units = ["load", "matmul", "attention"].map(|unit| control.out(&format!("start_{unit}")));
    let begun = m.cat_lsb(&[control.out("insn"), units[0], units[1], units[2]]);
    observe(m, "begun", units[0] | units[1] | units[2], begun);
    observe(m, "vector", control.out("start_vector"), control.out("vector_insn"));
    let parts = ["ld_data", "ld_word", "ld_row", "ld_cmem", "ld_mask"].map(|part| load.out(part));
    observe(m, "loaded", load.out("ld_vmem") | load.out("ld_cmem"), m.cat_lsb(&parts));
}

fn memory<'m>(_: &'m Module, regs: Inst<'m>, control: Inst<'m>, read: Inst<'m>, write: Inst<'m>) {
    wire(regs, "program_base", &[(read, "program_base")]);
    wire(regs, "program_beats", &[(read, "program_beats")]);
    wire(regs, "port_base", &[(read, "port_base"), (write, "port_base")]);
    wire(control, "flush", &[(read, "flush")]);
    wire(read, "stream_idle", &[(control, "stream_idle")]);
    wire(read, "idle", &[(control, "reader_idle")]);
    wire(read, "error", &[(control, "read_error")]);
    wire(read, "stream_beat", &[(control, "stream_beat")]);
    wire(read, "data_beat", &[(control, "data_beat")]);
    wire(write, "idle", &[(control, "writer_idle")]);
    wire(write, "error", &[(control, "write_error")]);
    wire(write, "write_beat", &[(control, "write_beat")]);
}

#[allow(clippy::too_many_arguments)] // the top's streams, all in one place
fn streams<'m>(
    m: &'m Module,
    probe: bool,
    control: Inst<'m>,
    read: Inst<'m>,
    load: Inst<'m>,
    engine: Inst<'m>,
    attend: Inst<'m>,
    keep: Inst<'m>,
    write: Inst<'m>,
) {
    let (program, weights) = (read.source("p"), control.source("matmul_p"));
    let (constants, passes) = (control.source("load_p"), control.source("attention_p"));
    control.connect("matmul_beat", weights.fires());
    if probe {
        let takers = [constants.fires(), weights.fires(), passes.fires()];
        observe(m, "program", program.fires(), m.cat_lsb(&[program.data, takers[0], takers[1], takers[2]]));
    }
    program.to(control.sink("p"));
    constants.to(load.sink("p"));
    weights.to(engine.sink("w"));
    passes.to(attend.sink("w"));
    let stored = keep.source("w");
    if probe {
        observe(m, "stored", stored.fires(), stored.data);
    }
    stored.to(write.sink("w"));

    // only one of loader and attention is at work, so the data and the requests are theirs in turn
    let (gathered, cached) = (load.source("req"), attend.source("req"));
    let request = read.sink("req");
    let asked = mux(gathered.valid, gathered.data, cached.data);
    request.set(gathered.valid | cached.valid, asked);
    if probe {
        observe(m, "asked", request.fires(), asked);
    }
    gathered.ready.set(request.ready);
    cached.ready.set(request.ready & !gathered.valid);
    let data = read.source("d");
    let (to_load, to_attend) = (load.sink("d"), attend.sink("d"));
    to_load.set(data.valid, data.data);
    to_attend.set(data.valid, data.data);
    data.ready.set(m.node("data_taken", to_load.ready | to_attend.ready));
    if probe {
        observe(m, "data", data.fires(), data.data);
    }
}

fn vector_wires<'m>(
    lanes: Inst<'m>,
    load: Inst<'m>,
    engine: Inst<'m>,
    attend: Inst<'m>,
    keep: Inst<'m>,
    select: Inst<'m>,
) {
    wire(lanes, "acc_ask", &[(engine, "acc_ask")]);
    for (unit, ports) in
        [(engine, ["acc_row", "acc_word", "acc_data"]), (attend, ["att_row", "att_word", "att_data"])]
    {
        wire(lanes, ports[0], &[(unit, ports[0])]);
        wire(lanes, ports[1], &[(unit, ports[1])]);
        wire(unit, ports[2], &[(lanes, ports[2])]);
    }
    for name in ["ld_vmem", "ld_cmem", "ld_row", "ld_word", "ld_mask", "ld_data"] {
        wire(load, name, &[(lanes, name)]);
    }
    wire(lanes, "act_whole", &[(engine, "act_whole")]);
    wire(lanes, "q_whole", &[(attend, "q_whole")]);
    for part in ["we", "row", "word", "data"] {
        wire(lanes, &format!("act_{part}"), &[(engine, &format!("act_{part}"))]);
        wire(lanes, &format!("q_{part}"), &[(attend, &format!("q_{part}"))]);
    }
    for part in ["valid", "kind", "row", "rep", "word", "data"] {
        let (out, input) = (format!("out_{part}"), format!("in_{part}"));
        wire(lanes, &out, &[(keep, &input), (select, &input)]);
    }
    lanes.connect("hold", keep.out("hold") | select.out("hold"));
    for name in ["s_we", "s_row", "s_index", "s_wdata", "s_rrow", "s_rindex"] {
        wire(attend, name, &[(lanes, name)]);
    }
    for name in ["s_granted", "s_rdata", "s_taken"] {
        wire(lanes, name, &[(attend, name)]);
    }
}

/// The Verilog of a configuration: file name to text. The same configuration gives the same bytes.
///
/// # Errors
/// What the description language finds wrong with the design; a legal configuration has no errors.
pub fn verilog(config: &Config) -> Result<BTreeMap<String, String>, Errors> {
    emit(&top(config))
}
