//! Golden model and Verilog in lockstep on small programs, under every kind of memory; registers; errors; and proof that a fault is seen.

mod bench;
mod cases;
mod counters;
mod faults;
mod pins;
mod program;
mod reach;
mod second;

use bench::{Bench, Row, four_rows, one_row, options};
use program::layer;
use sterna_sim::{Lockstep, Options, Profile, SimDevice, Stalls};
use sterna_spec::config::Config;
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::isa::{DstKind, Instruction, Vector};
use sterna_spec::layout::KvLayout;
use sterna_spec::registers::{self, Access, COUNTERS, ErrorCode, control, offset, status, table};
use sterna_spec::stream::StreamBuilder;

fn lockstep(config: &Config, options: &Options) -> (Bench, Lockstep) {
    let bench = Bench::new(config);
    let mut lockstep = Lockstep::new(config, options).unwrap();
    bench.prepare(&mut lockstep, options.seed).unwrap();
    bench.load(&mut lockstep, &layer(config, options.seed)).unwrap();
    (bench, lockstep)
}

fn rows(config: &Config, step: u32) -> Vec<Row> {
    let row = |r: u32| Row {
        token: (7 * r + 5 * step) % program::TOKENS,
        position: (3 * r + step) * 5 % 60,
        logits: (r + step) % 3 != 1,
    };
    let count = if step.is_multiple_of(2) { config.rows } else { config.rows.div_ceil(2) };
    (0..count).map(row).collect()
}

fn run(config: &Config, options: &Options, steps: u32) -> u64 {
    println!("{}, seed {}", config.name, options.seed);
    let (bench, mut lockstep) = lockstep(config, options);
    for step in 0..steps {
        let error = bench.step(&mut lockstep, &rows(config, step)).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(error, 0);
    }
    assert_eq!(lockstep.steps(), u64::from(steps));
    lockstep.rtl().cycles()
}

#[test]
fn one_row_equals_the_golden_model() {
    let config = one_row();
    run(&config, &options(1, Stalls::NONE), 4);
    for seed in 2..5 {
        run(&config, &options(seed, Stalls::all(100)), 2);
    }
}

#[test]
fn four_rows_equal_the_golden_model() {
    let config = four_rows();
    run(&config, &options(1, Stalls::NONE), 4);
    for seed in 2..5 {
        run(&config, &options(seed, Stalls { r: 200, ar: 30, aw: 100, w: 100, b: 30 }), 2);
    }
}

/// Counts and addresses that the layer does not have, requests that wait, a matrix that waits for memory.
#[test]
fn cases_equal_the_golden_model() {
    for config in [one_row(), four_rows()] {
        let bench = Bench::with_room(&config, cases::ROOM);
        for case in cases::cases(&config, &bench) {
            println!("{}: {}", config.name, case.name);
            let mut device = Lockstep::new(&config, &options(8, case.stalls)).unwrap();
            bench.prepare(&mut device, 8).unwrap();
            let counters = cases::run(&case, &bench, &mut device).unwrap_or_else(|e| panic!("{e}"));
            let stream = COUNTERS.iter().position(|c| c.0 == "MATMUL_STREAM").unwrap();
            assert!(case.name != "a matrix waits" || counters[stream] > 0, "{counters:?}");
        }
    }
}

#[test]
fn boards_memories_change_cycles_and_nothing_else() {
    let config = four_rows();
    for name in ["kv260", "ulx3s"] {
        let profile = Some(Profile::named(name, 100).unwrap());
        run(&config, &Options { profile, ..options(7, Stalls::NONE) }, 2);
    }
}

#[test]
fn runs_repeat_cycle_by_cycle() {
    let cycles = |seed| run(&one_row(), &options(seed, Stalls::all(60)), 1);
    assert_eq!(cycles(11), cycles(11));
}

#[test]
fn registers_answer_as_the_table_says() {
    let config = four_rows();
    let mut device =
        SimDevice::new(&Config { probe: true, ..config.clone() }, &options(3, Stalls::NONE)).unwrap();
    let pattern = |at: u32| at.wrapping_mul(0x9e37_79b9) ^ 0x1234_5678;
    for r in table(&config) {
        if r.offset != offset::CONTROL && r.offset != offset::IRQ_ENABLE {
            device.write_register(r.offset, pattern(r.offset)).unwrap();
        }
    }
    for r in table(&config).iter().filter(|r| r.offset != offset::IRQ_ENABLE) {
        let value = device.read_register(r.offset).unwrap();
        match (r.access, r.offset) {
            (Access::ReadWrite, at) => assert_eq!(value, pattern(at), "{}", r.name),
            (_, offset::ID) => assert_eq!(value, registers::ID),
            (_, offset::VERSION) => assert_eq!(value, registers::VERSION),
            (_, offset::CONFIG_HASH) => assert_eq!(value, config.hash() as u32),
            (_, offset::SHAPE) => assert_eq!(value, 4 | 4 << 8 | 16 << 16 | 4 << 24),
            (_, at) if at == offset::CONFIG_HASH + 4 => assert_eq!(value, (config.hash() >> 32) as u32),
            (_, at) if at >= offset::COUNTER => {}
            _ => assert_eq!(value, 0, "{}", r.name),
        }
    }
    assert_eq!(device.read_register(0x3c).unwrap(), 0);
    assert!(matches!(device.read_register(0x4000), Err(DeviceError::Register(0x4000))));
}

/// Each busy cycle has one cause, and every beat of the program is read once.
#[test]
fn counters_add_up() {
    let (bench, mut lockstep) = lockstep(&four_rows(), &options(5, Stalls::all(40)));
    bench.step(&mut lockstep, &rows(&bench.config, 0)).unwrap();
    let mut count = |name: &str| {
        let index = COUNTERS.iter().position(|c| c.0 == name).unwrap() as u32;
        lockstep.read_register(offset::COUNTER + 4 * index).unwrap()
    };
    let causes: u32 = COUNTERS.iter().skip_while(|c| c.0 != "FETCH").map(|c| count(c.0)).sum();
    assert_eq!(causes, count("CYCLES"));
    let beats = layer(&bench.config, 5).len() / bench.config.beat_bytes();
    assert_eq!(count("STREAM_BEATS"), beats as u32);
    assert!(
        count("MATMUL") > 0 && count("ATTENTION") > 0 && count("DATA_BEATS") > 0 && count("WRITE_BEATS") > 0
    );
}

#[test]
fn counters_count_beyond_sixteen_bits() {
    let files = sterna_hdl::emit(&four_rows()).unwrap();
    counters::run(&files["counters.v"], 0).unwrap();
    let narrow = files["counters.v"].replace("store + 32'd1", "store + 32'd1 & 32'hffff");
    assert_eq!(counters::run(&narrow, 0).unwrap_err(), "counter STORE is 5 after 65541 events");
}

#[test]
fn the_register_port_takes_what_axi_allows() {
    let config = Config { probe: true, ..four_rows() };
    let mut device = SimDevice::new(&config, &options(3, Stalls::NONE)).unwrap();
    pins::register_port(&mut device).unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn an_error_of_one_port_alone_is_told() {
    let config = Config { probe: true, ..four_rows() };
    let bench = Bench::new(&config);
    for port in 0..config.ports as usize {
        let mut device = SimDevice::new(&config, &options(9, Stalls { b: 250, ..Stalls::NONE })).unwrap();
        bench.prepare(&mut device, 9).unwrap();
        bench.load(&mut device, &layer(&config, 9)).unwrap();
        pins::one_port(&bench, &mut device, port).unwrap_or_else(|e| panic!("port {port}: {e}"));
    }
}

/// A program of one kind of mistake.
fn wrong(config: &Config, mistake: impl FnOnce(&mut StreamBuilder<'_>)) -> Vec<u8> {
    let mut stream = StreamBuilder::new(config);
    stream.load(0, &[1.0; 8]);
    mistake(&mut stream);
    stream.into_bytes()
}

/// Every error has the golden model's code, and a good step follows.
#[test]
fn errors_have_the_golden_models_codes() {
    let config = one_row();
    let (bench, mut device) = lockstep(&config, &options(9, Stalls::all(30)));
    let good = layer(&config, 9);
    let fine = Row { token: 1, position: 4, logits: true };
    let end = Instruction::End { body: false };
    let mut check = |program: &[u8], rows: &[Row], code: ErrorCode| {
        bench.load(&mut device, program).unwrap();
        let error = bench.step(&mut device, rows).unwrap_or_else(|e| panic!("{code:?}: {e}"));
        assert_eq!(error & 0xff, code as u32, "{code:?}");
        bench.load(&mut device, &good).unwrap();
        assert_eq!(bench.step(&mut device, &[fine]).unwrap_or_else(|e| panic!("after {code:?}: {e}")), 0);
    };
    check(&good, &[], ErrorCode::Rows);
    check(&good, &[fine, fine], ErrorCode::Rows);
    check(&good, &[Row { position: 512, ..fine }], ErrorCode::Position);
    check(&wrong(&config, |_| ()), &[fine], ErrorCode::StreamEnd);
    check(&wrong(&config, |s| s.payload(&[77; 32])), &[fine], ErrorCode::IllegalInstruction);
    let outside = |s: &mut StreamBuilder<'_>| {
        s.push(Instruction::Gather {
            words: 4,
            by_position: false,
            shared: false,
            dst: 0,
            row_stride: 0,
            addr: 1 << 24,
            stride: 0,
        });
        s.push(end);
    };
    check(&wrong(&config, outside), &[fine], ErrorCode::ReadResponse);
    let store = |s: &mut StreamBuilder<'_>| {
        let one = Vector { head: true, m_kind: sterna_spec::isa::MKind::Imm, ..Vector::default() };
        s.vector(Vector { dst_kind: DstKind::Logits, addr: 1 << 26, ..one });
        s.push(end);
    };
    check(&wrong(&config, store), &[fine], ErrorCode::WriteResponse);
}

#[test]
fn start_while_busy_is_an_error() {
    let config = one_row();
    let bench = Bench::new(&config);
    let mut device =
        SimDevice::new(&Config { probe: true, ..config.clone() }, &options(4, Stalls::NONE)).unwrap();
    bench.prepare(&mut device, 4).unwrap();
    bench.load(&mut device, &layer(&config, 4)).unwrap();
    device.write_register(offset::ROWS, 1).unwrap();
    device.write_register(offset::CONTROL, control::START).unwrap();
    device.write_register(offset::CONTROL, control::START).unwrap();
    device.wait().unwrap();
    assert_eq!(device.read_register(offset::ERROR).unwrap() & 0xff, ErrorCode::Busy as u32);
    assert_eq!(device.read_register(offset::STATUS).unwrap(), status::DONE | status::ERROR);
}

/// A test that cannot fail is a defect: one byte of an embedding, of a weight, of a key differs on one side.
#[test]
fn a_fault_on_one_side_is_found() {
    let config = one_row();
    let find = |beat: u32, byte: u64, what: &str| {
        let (bench, mut device) = lockstep(&config, &options(6, Stalls::NONE));
        device.reproduce_with("again --seed {seed} --from {from} --to {to}");
        device.name_instructions(vec![(0, "body".into()), (20, "head".into())]);
        let address = u64::from(beat) * 8 + byte;
        let mut old = [0];
        device.read_memory(address, &mut old).unwrap();
        // beats of trits hold numbers below 243
        let new = if old[0] > 0 { old[0] - 1 } else { 1 };
        device.rtl().write_memory(address, &[new]).unwrap();
        let error =
            bench.step(&mut device, &[Row { token: 2, position: 9, logits: true }]).unwrap_err().to_string();
        println!("{what}\n{error}");
        let mismatch = device.mismatch().unwrap().clone();
        assert_eq!(mismatch.to_string(), error);
        assert!(error.contains("reproduce    again --seed 6 --from ") && error.contains("layer "), "{error}");
        assert!(device.read_register(offset::ID).is_err(), "nothing goes on after a difference");
        mismatch
    };
    let bench = Bench::new(&config);
    // the embedding of token 2: seen when it is loaded
    let embedding = find(2 * 32, 3, "an embedding");
    assert_eq!((embedding.instruction, embedding.block), (Some(0), "load"), "{embedding}");
    // a weight of the first matrix: seen when the accumulators are drained
    let matmul = program_beat(&config, "matmul") + 4 + 30;
    let weight = find(bench.program + matmul, 2, "a weight");
    assert!(weight.disassembly.as_deref().unwrap().contains("acc[0]"), "{weight}");
    assert_eq!(weight.layer.as_deref(), Some("body"));
    // a key of an earlier position: seen by attention, or when its sums are drained
    let keys = KvLayout::new(&config, program::HEAD_SIZE, program::CONTEXT).data(false) as u32;
    let key = find(bench.kv + program::KV_OFFSET + keys, 3, "a key");
    let text = key.disassembly.as_deref().unwrap();
    assert!(text.contains("attn") || text.contains("att["), "{key}");
}

/// First beat of the first instruction whose text begins so, from the program's start.
fn program_beat(config: &Config, name: &str) -> u32 {
    let program = layer(config, 6);
    let slot = |i: usize| Instruction::decode(program[8 * i..8 * i + 32].try_into().unwrap());
    // no payload lies before the first matrix
    let mut at = 0;
    while !slot(at).unwrap().to_string().starts_with(name) {
        at += 4;
    }
    at as u32
}
