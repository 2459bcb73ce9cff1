//! One port's AXI4 channels in one cycle, and the rules of AXI that a single cycle can break.

use super::Fault;

/// Bytes of the widest port.
pub const MAX_BYTES: usize = 64;
/// A beat's data; a narrower port uses the first bytes.
pub type Data = [u8; MAX_BYTES];

/// Payload of an address channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Transaction id, returned with the answer.
    pub id: u32,
    /// Byte address.
    pub address: u64,
    /// Beats of the burst, less one.
    pub len: u8,
    /// Bytes of a beat, as a power of two.
    pub size: u8,
    /// Burst type; 1 is INCR.
    pub burst: u8,
}

/// Payload of the write data channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteBeat {
    /// Data.
    pub data: Data,
    /// Bytes to write.
    pub strobes: u64,
    /// Last beat of the burst.
    pub last: bool,
}

/// What a master drives in a cycle; a payload is there while its VALID is high.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Master {
    /// Read address.
    pub ar: Option<Address>,
    /// Takes read data.
    pub r_ready: bool,
    /// Write address.
    pub aw: Option<Address>,
    /// Write data.
    pub w: Option<WriteBeat>,
    /// Takes write responses.
    pub b_ready: bool,
}

/// Payload of the read data channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadBeat {
    /// Id of the burst.
    pub id: u32,
    /// Data.
    pub data: Data,
    /// [`OKAY`] or [`DECERR`].
    pub resp: u8,
    /// Last beat of the burst.
    pub last: bool,
}

/// What the memory drives in a cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slave {
    /// Takes the read address.
    pub ar_ready: bool,
    /// Read data.
    pub r: Option<ReadBeat>,
    /// Takes the write address.
    pub aw_ready: bool,
    /// Takes write data.
    pub w_ready: bool,
    /// Write response: id and [`OKAY`] or [`DECERR`].
    pub b: Option<(u32, u8)>,
}

impl Slave {
    /// Whether anything is taken on any channel in a cycle in which the master drives this.
    pub fn moves(&self, master: &Master) -> bool {
        let taken = [
            master.ar.is_some() && self.ar_ready,
            master.aw.is_some() && self.aw_ready,
            master.w.is_some() && self.w_ready,
            self.r.is_some() && master.r_ready,
            self.b.is_some() && master.b_ready,
        ];
        taken.contains(&true)
    }
}

/// Response: done.
pub const OKAY: u8 = 0;
/// Response: nothing has this address.
pub const DECERR: u8 = 3;

/// A channel with VALID driven by the master keeps it and its payload until READY (IHI 0022, A3.2.1). `before`: what it
/// offered without being taken.
pub(super) fn stable<T: PartialEq>(before: &Option<T>, now: &Option<T>) -> Result<(), &'static str> {
    match (before, now) {
        (Some(_), None) => Err("VALID fell before READY"),
        (Some(a), Some(b)) if a != b => Err("the payload changed before READY"),
        _ => Ok(()),
    }
}

/// Rules of a burst (IHI 0022, A3.4.1), narrowed to what this device may do: whole aligned beats, INCR.
pub(super) fn burst(a: &Address, port_bytes: usize) -> Result<(), String> {
    let bytes = (u64::from(a.len) + 1) * port_bytes as u64;
    if a.burst != 1 {
        return Err(format!("burst type {} is not INCR", a.burst));
    }
    if 1 << a.size != port_bytes {
        return Err(format!("size {} is not the port's {port_bytes} bytes", a.size));
    }
    if !a.address.is_multiple_of(port_bytes as u64) {
        return Err(format!("address {:#x} is not aligned to {port_bytes} bytes", a.address));
    }
    if a.address % 4096 + bytes > 4096 {
        return Err(format!("the burst of {bytes} bytes at {:#x} crosses 4 KiB", a.address));
    }
    Ok(())
}

/// The channels of a master, as they stood when the last cycle ended: what was offered and not taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    ar: Option<Address>,
    aw: Option<Address>,
    w: Option<WriteBeat>,
}

impl Rules {
    /// Checks a cycle and remembers what waits.
    pub(super) fn check(
        &mut self,
        master: &Master,
        slave: &Slave,
        port_bytes: usize,
        fault: impl Fn(&'static str, String) -> Fault,
    ) -> Result<(), Fault> {
        stable(&self.ar, &master.ar).map_err(|rule| fault("AR", rule.into()))?;
        stable(&self.aw, &master.aw).map_err(|rule| fault("AW", rule.into()))?;
        stable(&self.w, &master.w).map_err(|rule| fault("W", rule.into()))?;
        // a payload that waits was checked when it appeared
        if let (None, Some(a)) = (&self.ar, &master.ar) {
            burst(a, port_bytes).map_err(|rule| fault("AR", rule))?;
        }
        if let (None, Some(a)) = (&self.aw, &master.aw) {
            burst(a, port_bytes).map_err(|rule| fault("AW", rule))?;
        }
        self.ar = master.ar.filter(|_| !slave.ar_ready);
        self.aw = master.aw.filter(|_| !slave.aw_ready);
        self.w = master.w.filter(|_| !slave.w_ready);
        Ok(())
    }
}
