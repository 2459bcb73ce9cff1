//! Mistakes that the device must tell, each with the golden model's code, and a good step behind each.

use sterna_sim::{SimDevice, Stalls};
use sterna_spec::config::Config;
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::isa::{DstKind, Field, Instruction, MIN_BLOCKS, MKind, Op, Vector, field};
use sterna_spec::registers::{ErrorCode, control, offset, status};
use sterna_spec::stream::StreamBuilder;

use crate::bench::{Bench, Row};
use crate::pins;
use crate::program::layer;
use crate::suite::{Design, check, first_line, lockstep};

fn wrong(config: &Config, mistake: impl FnOnce(&mut StreamBuilder<'_>)) -> Vec<u8> {
    let mut stream = StreamBuilder::new(config);
    stream.load(0, &[1.0; 8]);
    mistake(&mut stream);
    stream.into_bytes()
}

/// Every kind of error.
pub fn errors(design: &Design, mutant: usize) -> Result<(), String> {
    let config = &design.config;
    let (bench, mut device) = lockstep(design, mutant, 9, Stalls::all(30))?;
    let good = layer(config, 9);
    let fine = Row { token: 1, position: 4, logits: true };
    let end = Instruction::End { body: false };
    let outside = |s: &mut StreamBuilder<'_>| {
        let (by_position, shared, dst, row_stride) = (false, false, 0, 0);
        s.push(Instruction::Gather {
            words: 4,
            by_position,
            shared,
            dst,
            row_stride,
            addr: 1 << 24,
            stride: 0,
        });
        s.push(end);
    };
    let store = |s: &mut StreamBuilder<'_>| {
        let one = Vector { head: true, m_kind: MKind::Imm, ..Vector::default() };
        s.vector(Vector { dst_kind: DstKind::Logits, addr: 1 << 26, ..one });
        s.push(end);
    };
    let all = vec![fine; config.rows as usize];
    let far = vec![Row { position: config.context, ..fine }; config.rows as usize];
    let cases: [(Vec<u8>, &[Row], ErrorCode); 6] = [
        (good.clone(), &[], ErrorCode::Rows),
        (good.clone(), &far, ErrorCode::Position),
        (wrong(config, |_| ()), &[fine], ErrorCode::StreamEnd),
        (wrong(config, |s| s.payload(&[77; 32])), &all, ErrorCode::IllegalInstruction),
        (wrong(config, outside), &[fine], ErrorCode::ReadResponse),
        (wrong(config, store), &[fine], ErrorCode::WriteResponse),
    ];
    let illegal = illegal();
    let illegal = illegal
        .iter()
        .map(|bytes| (wrong(config, |s| s.payload(bytes)), &all[..], ErrorCode::IllegalInstruction));
    let one_far = |r: u32| {
        let far = |at: u32| Row { position: if at == r { config.context } else { at }, ..fine };
        (0..config.rows).map(far).collect::<Vec<_>>()
    };
    let far_rows: Vec<Vec<Row>> = (0..config.rows).map(one_far).collect();
    let far_rows = far_rows.iter().map(|rows| (good.clone(), &rows[..], ErrorCode::Position));
    for (program, rows, code) in cases.into_iter().chain(illegal).chain(far_rows) {
        let mut one = |program: &[u8], rows: &[Row], expected: u32| {
            bench.load(&mut device, program).map_err(|e| first_line(&e.to_string()))?;
            let error = bench
                .step(&mut device, rows)
                .map_err(|e| format!("{code:?}: {}", first_line(&e.to_string())))?;
            check(error & 0xff == expected, || format!("{code:?}: error {error:#x}"))
        };
        one(&program, rows, code as u32)?;
        one(&good, &[fine], 0)?;
    }
    for port in 0..config.ports as usize {
        let told = |e: DeviceError| format!("port {port}: {}", first_line(&e.to_string()));
        let mut device = design.device(mutant, 9, Stalls { b: 250, ..Stalls::NONE })?;
        bench.prepare(&mut device, 9).map_err(told)?;
        bench.load(&mut device, &good).map_err(told)?;
        pins::one_port(&bench, &mut device, port).map_err(told)?;
    }
    busy(design, mutant)
}

/// One instruction for each field that may be out of range.
fn illegal() -> Vec<[u8; 32]> {
    let put = |bytes: &mut [u8; 32], f: Field, value: u32| {
        for i in (0..f.width).filter(|i| value >> i & 1 == 1) {
            bytes[(f.bit() + i) as usize / 8] |= 1 << ((f.bit() + i) % 8);
        }
    };
    let one = |op: Op, fields: &[(Field, u32)]| {
        let mut bytes = [0; 32];
        put(&mut bytes, field::OP, op as u32);
        fields.iter().for_each(|(f, value)| put(&mut bytes, *f, *value));
        bytes
    };
    let vector = |f, value| {
        let mut all = vec![(field::N, 1), (field::REP, 1)];
        all.push((f, value));
        one(Op::Vector, &all)
    };
    let blocks = MIN_BLOCKS as u32;
    vec![
        one(Op::Load, &[]),
        one(Op::Vector, &[(field::N, 1)]),
        vector(field::A_KIND, 4),
        vector(field::M_KIND, 4),
        vector(field::FN, 5),
        vector(field::ZOP, 5),
        vector(field::B_KIND, 3),
        vector(field::DST_KIND, 9),
        one(Op::Matmul, &[(field::N, blocks - 1), (field::A, 1), (field::B, 1)]),
        one(Op::Matmul, &[(field::N, blocks), (field::B, 1)]),
        one(Op::Matmul, &[(field::N, blocks), (field::A, 1)]),
        one(Op::Matmul, &[(field::N, blocks), (field::A, 1), (field::B, 6)]),
    ]
}

/// START while busy is an error, and the interrupt follows it.
fn busy(design: &Design, mutant: usize) -> Result<(), String> {
    let told = |e: DeviceError| e.to_string();
    let bench = Bench::new(&design.config);
    let mut device = design.device(mutant, 4, Stalls::NONE)?;
    bench.prepare(&mut device, 4).map_err(told)?;
    bench.load(&mut device, &layer(&design.config, 4)).map_err(told)?;
    device.write_register(offset::ROWS, 1).map_err(told)?;
    for _ in 0..2 {
        device.write_register(offset::CONTROL, control::START).map_err(told)?;
    }
    let irq = |device: &SimDevice| device.output("irq").map_err(told);
    device.wait().map_err(told)?;
    check(irq(&device)? == 0, || "an interrupt that is not enabled".into())?;
    device.write_register(offset::IRQ_ENABLE, 1).map_err(told)?;
    device.run(2).map_err(told)?;
    check(irq(&device)? == 1, || "no interrupt".into())?;
    let error = device.read_register(offset::ERROR).map_err(told)?;
    check(error & 0xff == ErrorCode::Busy as u32, || format!("START while busy: error {error:#x}"))?;
    let state = device.read_register(offset::STATUS).map_err(told)?;
    check(state == status::DONE | status::ERROR, || format!("STATUS {state:#x}"))?;
    device.write_register(offset::CONTROL, control::CLEAR).map_err(told)?;
    let state = device.read_register(offset::STATUS).map_err(told)?;
    check(state == 0 && irq(&device)? == 0, || format!("STATUS {state:#x} after CLEAR"))
}
