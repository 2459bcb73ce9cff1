//! SDR SDRAM chips as data: geometry, and the timing rules of their data sheets in nanoseconds and cycles.
//!
//! A byte address is, from its low end: byte of a word, column, bank, row. A linear read so changes bank with every page.

/// A least time: `cycles` cycles and at least `ns` nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// Nanoseconds.
    pub ns: u32,
    /// Cycles.
    pub cycles: u32,
}

impl Time {
    /// Nanoseconds, but one cycle at least.
    pub const fn ns(ns: u32) -> Time {
        Time { ns, cycles: 1 }
    }

    /// The cycles it takes at a clock of `hz`.
    pub fn at(self, hz: u32) -> u32 {
        let cycles = (u64::from(self.ns) * u64::from(hz)).div_ceil(1_000_000_000);
        self.cycles.max(cycles as u32)
    }
}

/// One kind of chip; names of the rules as in JEDEC's and the makers' data sheets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chip {
    /// Name.
    pub name: &'static str,
    /// Width of the data bus.
    pub data_bits: u32,
    /// Banks, a power of two.
    pub banks: u32,
    /// Rows of a bank, a power of two.
    pub rows: u32,
    /// Columns of a row, a power of two.
    pub columns: u32,
    /// Cycles from READ to data.
    pub cas_latency: u32,
    /// tRCD: ACTIVE to READ or WRITE.
    pub rcd: Time,
    /// tRP: PRECHARGE to ACTIVE or REFRESH.
    pub rp: Time,
    /// tRAS: ACTIVE to PRECHARGE.
    pub ras: Time,
    /// tRC: ACTIVE to ACTIVE of one bank.
    pub rc: Time,
    /// tRFC: REFRESH to the next command.
    pub rfc: Time,
    /// tRRD: ACTIVE to ACTIVE of another bank.
    pub rrd: Time,
    /// tWR: last written word to PRECHARGE.
    pub wr: Time,
    /// tMRD: LOAD MODE REGISTER to the next command.
    pub mrd: Time,
    /// Nanoseconds between refreshes, on average (tREF / rows of a refresh period).
    pub refresh_ns: u32,
    /// Longest time a row may stay open, in nanoseconds (tRAS, maximum).
    pub open_ns: u32,
    /// Time with a stable clock before the first command.
    pub power_up: Time,
    /// Refreshes of the initialization.
    pub initial_refreshes: u32,
    /// Where the numbers come from.
    pub source: &'static str,
}

/// 256 Mbit x 16 as boards of the ULX3S carry it, from several makers: the slowest of each number.
pub const SDR_256M_X16: Chip = Chip {
    name: "sdr-256m-x16",
    data_bits: 16,
    banks: 4,
    rows: 8192,
    columns: 512,
    cas_latency: 3,
    rcd: Time::ns(21),
    rp: Time::ns(21),
    ras: Time::ns(45),
    rc: Time::ns(68),
    rfc: Time::ns(70),
    rrd: Time::ns(15),
    wr: Time { ns: 20, cycles: 2 },
    mrd: Time { ns: 15, cycles: 2 },
    refresh_ns: 7_812,
    open_ns: 100_000,
    power_up: Time::ns(200_000),
    initial_refreshes: 8,
    source: "data sheets of MT48LC16M16A2-7E/-75, IS42S16160G-7, W9825G6KH-6, AS4C16M16SA-7, and LiteDRAM's table of modules; \
             8192 refreshes in 64 ms",
};

/// The 64 Mbit x 32 inside Gowin's GW2AR-18 (Tang Nano 20K). Gowin publishes its geometry and 166 MHz, and no table of its timing:
/// LiteX drives it as an M12L64322A, others as an EM638325; the slower of each number.
pub const GW2AR_18: Chip = Chip {
    name: "gw2ar-18",
    data_bits: 32,
    banks: 4,
    rows: 2048,
    columns: 256,
    cas_latency: 3,
    rcd: Time::ns(21),
    rp: Time::ns(21),
    ras: Time::ns(45),
    rc: Time::ns(65),
    rfc: Time::ns(65),
    rrd: Time::ns(14),
    wr: Time { ns: 15, cycles: 2 },
    mrd: Time { ns: 14, cycles: 2 },
    refresh_ns: 15_625,
    open_ns: 100_000,
    power_up: Time::ns(200_000),
    initial_refreshes: 8,
    source: "LiteX-Boards (M12L64322A on the Tang Nano 20K), LiteDRAM's table of modules, data sheet of EM638325-7; 4096 refreshes \
             in 64 ms",
};

/// All chips.
pub const CHIPS: &[Chip] = &[SDR_256M_X16, GW2AR_18];

/// The times of a chip in cycles of a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // fields of `Chip`
pub struct Timing {
    pub rcd: u32,
    pub rp: u32,
    pub ras: u32,
    pub rc: u32,
    pub rfc: u32,
    pub rrd: u32,
    pub wr: u32,
    pub mrd: u32,
    pub power_up: u32,
    /// At most this many cycles between refreshes, on average.
    pub refresh: u32,
    /// A row stays open at most this long.
    pub open: u32,
}

impl Chip {
    /// The times at a clock of `hz`.
    pub fn timing(&self, hz: u32) -> Timing {
        let most = |ns: u32| (u64::from(ns) * u64::from(hz) / 1_000_000_000) as u32;
        Timing {
            rcd: self.rcd.at(hz),
            rp: self.rp.at(hz),
            ras: self.ras.at(hz),
            rc: self.rc.at(hz),
            rfc: self.rfc.at(hz),
            rrd: self.rrd.at(hz),
            wr: self.wr.at(hz),
            mrd: self.mrd.at(hz),
            power_up: self.power_up.at(hz),
            refresh: most(self.refresh_ns),
            open: most(self.open_ns),
        }
    }

    /// Bytes that the chip holds.
    pub fn bytes(&self) -> u32 {
        self.banks * self.rows * self.columns * (self.data_bits / 8)
    }

    /// Bits of a bank's number.
    pub fn bank_bits(&self) -> u32 {
        self.banks.trailing_zeros()
    }

    /// Address pins: enough for a row, and for A10, which says that a PRECHARGE means all banks.
    pub fn address_bits(&self) -> u32 {
        self.rows.trailing_zeros().max(11)
    }

    /// The mode register for bursts of `burst` words (a power of two up to 8), sequential, written as they are read.
    pub fn mode(&self, burst: u32) -> u32 {
        self.cas_latency << 4 | burst.trailing_zeros()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_to_the_safe_side() {
        let t = SDR_256M_X16.timing(100_000_000);
        assert_eq!((t.rcd, t.rp, t.ras, t.rc, t.rfc, t.wr, t.mrd), (3, 3, 5, 7, 7, 2, 2));
        assert_eq!((t.refresh, t.power_up, t.open), (781, 20_000, 10_000));
        let t = SDR_256M_X16.timing(1_000_000);
        assert_eq!((t.rcd, t.rfc, t.wr, t.refresh), (1, 1, 2, 7));
    }

    #[test]
    fn sizes_and_modes() {
        assert_eq!(SDR_256M_X16.bytes(), 32 << 20);
        assert_eq!(GW2AR_18.bytes(), 8 << 20);
        assert_eq!((SDR_256M_X16.address_bits(), GW2AR_18.address_bits()), (13, 11));
        assert_eq!(SDR_256M_X16.mode(4), 0x32);
        for chip in CHIPS {
            let (t, name) = (chip.timing(100_000_000), chip.name);
            assert!(t.rc >= t.ras && t.ras >= t.rcd && t.rrd <= t.rcd, "{name}");
        }
    }
}
