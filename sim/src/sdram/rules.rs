//! The rules of the data sheet: which command may come when.

use sterna_spec::sdram::{Chip, Timing};

use super::Pins;

/// A command, as CS#, RAS#, CAS# and WE# say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Nop,
    Active,
    Read,
    Write,
    Precharge,
    Refresh,
    Mode,
    /// BURST TERMINATE.
    Other,
}

impl Command {
    pub fn of(pins: &Pins) -> Command {
        // while CKE is low, as after power up, the chip heeds no pin
        if pins.cs_n || !pins.cke {
            return Command::Nop;
        }
        match (pins.ras_n, pins.cas_n, pins.we_n) {
            (true, true, true) => Command::Nop,
            (true, true, false) => Command::Other,
            (true, false, true) => Command::Read,
            (true, false, false) => Command::Write,
            (false, true, true) => Command::Active,
            (false, true, false) => Command::Precharge,
            (false, false, true) => Command::Refresh,
            (false, false, false) => Command::Mode,
        }
    }
}

/// How far the initialization has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Waits for PRECHARGE of all banks.
    Power,
    /// So many refreshes done.
    Refreshes(u32),
    Ready,
}

/// One bank; cycles of its last commands.
#[derive(Clone, Copy, Debug, Default)]
struct Bank {
    row: Option<u32>,
    active: Option<u64>,
    precharge: Option<u64>,
    read: Option<u64>,
    write: Option<u64>,
}

/// A bit of the address of PRECHARGE, READ and WRITE.
const A10: u32 = 1 << 10;

#[derive(Clone)]
pub(super) struct Rules {
    chip: Chip,
    t: Timing,
    stage: Stage,
    burst: u64,
    banks: Vec<Bank>,
    /// Cycles of the last commands to any bank.
    active: Option<u64>,
    refresh: Option<u64>,
    mode: Option<u64>,
    read: Option<u64>,
    write: Option<u64>,
    /// The cycle by which the next refresh should come.
    due: u64,
}

/// `name` says that `least` cycles must lie between `since` and now.
fn apart(now: u64, since: Option<u64>, least: u32, name: &str) -> Result<(), String> {
    match since {
        Some(since) if now < since + u64::from(least) => {
            Err(format!("{name}: {} cycles, at least {least} are needed", now - since))
        }
        _ => Ok(()),
    }
}

impl Rules {
    pub fn new(chip: &Chip, hz: u32) -> Rules {
        Rules {
            chip: *chip,
            t: chip.timing(hz),
            stage: Stage::Power,
            burst: 1,
            banks: vec![Bank::default(); chip.banks as usize],
            active: None,
            refresh: None,
            mode: None,
            read: None,
            write: None,
            due: u64::MAX / 2,
        }
    }

    pub fn ready(&self) -> bool {
        self.stage == Stage::Ready
    }

    /// The open row of a bank.
    pub fn row(&self, bank: u32) -> u32 {
        self.banks[bank as usize].row.unwrap_or(0)
    }

    /// A refresh is so late that a cycle without a command breaks a rule. One interval of delay is allowed.
    pub fn pressing(&self, now: u64) -> bool {
        now > self.due + u64::from(self.t.refresh)
    }

    /// Checks a command and keeps it in mind.
    pub fn check(&mut self, now: u64, command: Command, pins: &Pins) -> Result<(), String> {
        if !pins.cke && self.stage != Stage::Power {
            return Err("CKE is low: power down, self refresh and clock suspend are not modelled".into());
        }
        if self.pressing(now) {
            let late = now - self.due;
            return Err(format!(
                "refresh: {late} cycles late, the interval is {} and may be late by as much",
                self.t.refresh
            ));
        }
        if command == Command::Nop {
            return Ok(());
        }
        if now < u64::from(self.t.power_up) {
            return Err(format!(
                "power up: a command after {now} cycles, {} without one are needed",
                self.t.power_up
            ));
        }
        apart(now, self.refresh, self.t.rfc, "tRFC from REFRESH")?;
        apart(now, self.mode, self.t.mrd, "tMRD from LOAD MODE REGISTER")?;
        match command {
            Command::Precharge => self.precharge(now, pins),
            Command::Refresh => self.refresh(now),
            Command::Mode => self.mode(now, pins),
            Command::Other => Err("BURST TERMINATE is not modelled".into()),
            _ if self.stage != Stage::Ready => Err("initialization: a row is used before it is over".into()),
            Command::Active => self.activate(now, pins),
            _ => self.transfer(now, command, pins),
        }
    }

    fn precharge(&mut self, now: u64, pins: &Pins) -> Result<(), String> {
        let all = pins.a & A10 != 0;
        if self.stage == Stage::Power {
            if !all {
                return Err("initialization: it begins with PRECHARGE of all banks".into());
            }
            self.stage = Stage::Refreshes(0);
        }
        let (t, burst) = (self.t, self.burst as u32);
        for (i, bank) in self.banks.iter_mut().enumerate().filter(|(i, _)| all || *i as u32 == pins.ba) {
            if bank.row.take().is_none() {
                continue; // allowed, and does nothing
            }
            apart(now, bank.active, t.ras, &format!("tRAS from ACTIVE of bank {i}"))?;
            apart(now, bank.read, burst, &format!("PRECHARGE cuts off the READ of bank {i}"))?;
            apart(now, bank.write, burst - 1 + t.wr, &format!("burst and tWR from WRITE of bank {i}"))?;
            let open = now - bank.active.unwrap_or(now);
            if open > u64::from(t.open) {
                return Err(format!("tRAS: bank {i} was open for {open} cycles, {} are allowed", t.open));
            }
            bank.precharge = Some(now);
        }
        Ok(())
    }

    /// All banks are closed, and tRP is over.
    fn closed(&self, now: u64, what: &str) -> Result<(), String> {
        for (i, bank) in self.banks.iter().enumerate() {
            if bank.row.is_some() {
                return Err(format!("{what} while a row of bank {i} is open"));
            }
            apart(now, bank.precharge, self.t.rp, &format!("tRP from PRECHARGE of bank {i}"))?;
        }
        Ok(())
    }

    fn refresh(&mut self, now: u64) -> Result<(), String> {
        self.closed(now, "REFRESH")?;
        match &mut self.stage {
            Stage::Power => return Err("initialization: REFRESH before PRECHARGE of all banks".into()),
            Stage::Refreshes(count) => *count += 1,
            Stage::Ready => {}
        }
        self.refresh = Some(now);
        let interval = u64::from(self.t.refresh);
        // the makers allow refreshes ahead of time; eight are enough
        self.due = self.due.saturating_add(interval).min(now + 9 * interval);
        Ok(())
    }

    fn mode(&mut self, now: u64, pins: &Pins) -> Result<(), String> {
        self.closed(now, "LOAD MODE REGISTER")?;
        let need = self.chip.initial_refreshes;
        match self.stage {
            Stage::Refreshes(count) if count < need => {
                return Err(format!(
                    "initialization: LOAD MODE REGISTER after {count} refreshes, {need} are needed"
                ));
            }
            Stage::Power => {
                return Err("initialization: LOAD MODE REGISTER before PRECHARGE of all banks".into());
            }
            _ => {}
        }
        let (burst, latency) = (pins.a & 7, pins.a >> 4 & 7);
        if pins.a & !0x73 != 0 || pins.ba != 0 {
            return Err(format!(
                "mode register {:#x}: sequential bursts of up to 8 are modelled, nothing else",
                pins.a
            ));
        }
        if latency != self.chip.cas_latency {
            return Err(format!(
                "mode register: CAS latency {latency}, the chip is used with {}",
                self.chip.cas_latency
            ));
        }
        self.burst = 1 << burst;
        self.mode = Some(now);
        self.stage = Stage::Ready;
        self.due = now + u64::from(self.t.refresh);
        Ok(())
    }

    fn activate(&mut self, now: u64, pins: &Pins) -> Result<(), String> {
        let (t, i) = (self.t, pins.ba);
        let bank = &mut self.banks[i as usize];
        if bank.row.is_some() {
            return Err(format!("ACTIVE while a row of bank {i} is open"));
        }
        apart(now, bank.precharge, t.rp, &format!("tRP from PRECHARGE of bank {i}"))?;
        apart(now, bank.active, t.rc, &format!("tRC from ACTIVE of bank {i}"))?;
        apart(now, self.active, t.rrd, "tRRD from ACTIVE of another bank")?;
        if pins.a >= self.chip.rows {
            return Err(format!("ACTIVE of row {}, the chip has {}", pins.a, self.chip.rows));
        }
        *bank =
            Bank { row: Some(pins.a), active: Some(now), precharge: bank.precharge, read: None, write: None };
        self.active = Some(now);
        Ok(())
    }

    fn transfer(&mut self, now: u64, command: Command, pins: &Pins) -> Result<(), String> {
        let (burst, i) = (self.burst as u32, pins.ba);
        let name = if command == Command::Read { "READ" } else { "WRITE" };
        let bank = &mut self.banks[i as usize];
        if bank.row.is_none() {
            return Err(format!("{name} while no row of bank {i} is open"));
        }
        apart(now, bank.active, self.t.rcd, &format!("tRCD from ACTIVE of bank {i}"))?;
        if pins.a & A10 != 0 {
            return Err(format!("{name} with auto precharge, which is not modelled"));
        }
        if pins.a >= self.chip.columns {
            return Err(format!("{name} of column {}, the chip has {}", pins.a, self.chip.columns));
        }
        apart(now, self.write, burst, &format!("{name} cuts off a WRITE"))?;
        apart(now, self.read, burst, &format!("{name} cuts off a READ"))?;
        if command == Command::Read {
            (bank.read, self.read) = (Some(now), Some(now));
        } else {
            let words = self.chip.cas_latency + burst + 1;
            apart(now, self.read, words, "WRITE from READ, whose words are on dq, and a cycle between them")?;
            (bank.write, self.write) = (Some(now), Some(now));
        }
        Ok(())
    }
}
