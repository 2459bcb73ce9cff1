//! The bridge of `docs/serial.md` in front of any device: bytes in, bytes out.

use std::collections::VecDeque;
use std::time::Instant;
use sterna_spec::device::Device;

const BRIDGE: u32 = 0x1_0000;
const STAGE: u32 = 0x1_1000;
const MEMORY: u32 = 0x4000_0000;

pub struct Stand<D> {
    pub device: D,
    pub memory: u32,
    request: Vec<u8>,
    pub out: VecDeque<u8>,
    pub id: u32,
    pub version: u32,
    pub clock: u32,
    pub lock: u32,
    target: u32,
    tag: u32,
    stage: Vec<u32>,
    status: u32,
    crc: [u32; 3],
    read_crc: u32,
    pub cycles: u32,
    /// Cycles a second of this machine's time; 0: some for each byte.
    pub rate: f64,
    started: Instant,
    /// Framing errors and overruns.
    pub line_errors: u32,
    pub bytes: usize,
}

impl<D: Device> Stand<D> {
    pub fn new(mut device: D, memory: u32) -> Self {
        device.reserve_memory(memory.into()).unwrap();
        Stand {
            device,
            memory,
            request: vec![],
            out: VecDeque::new(),
            id: u32::from_le_bytes(*b"SBRG"),
            version: 1,
            clock: 50_000_000,
            lock: 0,
            target: 0,
            tag: 0,
            stage: vec![0; 256],
            status: 0,
            crc: [0; 3],
            read_crc: 0,
            cycles: 0,
            rate: 0.0,
            started: Instant::now(),
            line_errors: 0,
            bytes: 0,
        }
    }

    pub fn idle(&mut self) {
        self.request.clear();
    }

    pub fn byte(&mut self, byte: u8) {
        self.bytes += 1;
        self.cycles = self.cycles.wrapping_add(400);
        self.request.push(byte);
        if !(1..=4).contains(&self.request[0]) {
            self.request.clear();
            return;
        }
        if self.request.len() < 6 {
            return;
        }
        let (command, count) = (self.request[0], usize::from(self.request[1]));
        let write = command % 2 == 1;
        let need = 6 + if write { 4 * count } else { 0 };
        if self.request.len() < need {
            return;
        }
        let request = std::mem::take(&mut self.request);
        let word = |at: usize| u32::from_be_bytes(request[at..at + 4].try_into().unwrap());
        let address = word(2).wrapping_mul(4);
        let step = if command <= 2 { 4 } else { 0 };
        let mut answer = vec![];
        for i in 0..count {
            let at = address.wrapping_add(i as u32 * step);
            if write {
                self.write(at, word(6 + 4 * i));
            } else {
                answer.extend(self.read(at).to_be_bytes());
            }
        }
        if !write && count > 0 {
            if address != BRIDGE + 0x1c {
                self.read_crc = crc32fast::hash(&[&request[..6], &answer].concat());
            }
            self.out.extend(answer);
        }
    }

    fn read(&mut self, at: u32) -> u32 {
        match at {
            0..BRIDGE => self.device.read_register(at).unwrap_or(u32::MAX),
            BRIDGE..STAGE => match at - BRIDGE {
                0x00 => self.id,
                0x04 => self.version,
                0x08 => self.memory,
                0x0c => self.clock,
                0x10 if self.rate > 0.0 => (self.started.elapsed().as_secs_f64() * self.rate) as u64 as u32,
                0x10 => self.cycles,
                0x14 => self.line_errors,
                0x18 => 0,
                0x1c => self.read_crc,
                0x20 => self.lock,
                0x24 => self.target,
                0x28 => self.tag,
                0x2c => 0,
                0x30 => self.status,
                0x34 => self.crc[0],
                0x38 => self.crc[1],
                0x3c => self.crc[2],
                _ => u32::MAX,
            },
            STAGE..MEMORY => u32::MAX,
            _ => {
                let mut bytes = [0; 4];
                match self.device.read_memory((at - MEMORY).into(), &mut bytes) {
                    Ok(()) => u32::from_le_bytes(bytes),
                    Err(_) => u32::MAX,
                }
            }
        }
    }

    fn write(&mut self, at: u32, value: u32) {
        match at {
            0x1_0020 if value == u32::from_le_bytes(*b"lock") => self.lock = 1,
            0x1_0020 if value == u32::from_le_bytes(*b"open") => self.lock = 0,
            0x1_0024 => self.target = value,
            0x1_0028 => self.tag = value,
            0x1_002c => self.commit(value),
            STAGE..0x1_1400 => self.stage[(at - STAGE) as usize / 4] = value,
            _ if self.lock == 1 => {}
            _ => self.carry_out(at, value),
        }
    }

    fn carry_out(&mut self, at: u32, value: u32) {
        match at {
            0..BRIDGE => drop(self.device.write_register(at, value)),
            0x1_0034 => self.crc[0] = value,
            0x1_0038 => {
                self.crc[1] = value;
                let mut bytes = vec![0; value as usize];
                if self.device.read_memory(self.crc[0].into(), &mut bytes).is_ok() {
                    self.crc[2] = crc32fast::hash(&bytes);
                }
            }
            MEMORY.. => drop(self.device.write_memory((at - MEMORY).into(), &value.to_le_bytes())),
            _ => {}
        }
    }

    fn commit(&mut self, crc: u32) {
        let (count, sequence) = ((self.tag & 0xffff) as usize, self.tag >> 16);
        let words: Vec<u32> =
            [self.target, self.tag].into_iter().chain(self.stage.iter().copied().take(count)).collect();
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        if !(1..=256).contains(&count) || crc32fast::hash(&bytes) != crc {
            self.status = self.status & 0xffff_0000 | 2;
            return;
        }
        if self.status >> 16 != sequence || self.status == 0 {
            for (i, word) in words[2..].iter().enumerate() {
                self.carry_out(self.target + 4 * i as u32, *word);
            }
        }
        self.status = sequence << 16 | 1;
    }
}
