//! Ports of the simulated model, looked up once, and what is needed to read and drive them with few calls.

use sterna_hdl::blocks::axi::prefix;
use sterna_spec::config::Config;
use verilated::{Error, Model, Port};

use crate::memory::{Address, MAX_BYTES, Master, Slave, WriteBeat};

/// 32-bit words of the widest port.
const MAX_WORDS: usize = MAX_BYTES / 4;

/// Valid and payload of an address channel, ready.
struct AddressPins {
    valid: Port,
    ready: Port,
    id: Port,
    address: Port,
    len: Port,
    size: Port,
    burst: Port,
}

impl AddressPins {
    fn new(model: &Model, prefix: &str, channel: &str) -> Result<Self, Error> {
        let port = |name: &str| model.port(&format!("{prefix}_{channel}{name}"));
        Ok(AddressPins {
            valid: port("valid")?,
            ready: port("ready")?,
            id: port("id")?,
            address: port("addr")?,
            len: port("len")?,
            size: port("size")?,
            burst: port("burst")?,
        })
    }

    fn sample(&self, model: &Model) -> Option<Address> {
        (model.get(self.valid) != 0).then(|| Address {
            id: model.get(self.id) as u32,
            address: model.get(self.address),
            len: model.get(self.len) as u8,
            size: model.get(self.size) as u8,
            burst: model.get(self.burst) as u8,
        })
    }
}

/// One AXI4 master of the device.
pub struct MasterPins {
    ar: AddressPins,
    aw: AddressPins,
    r_valid: Port,
    r_ready: Port,
    r_id: Port,
    r_data: Port,
    r_resp: Port,
    r_last: Port,
    w_valid: Port,
    w_ready: Port,
    w_data: Port,
    w_strb: Port,
    w_last: Port,
    b_valid: Port,
    b_ready: Port,
    b_id: Port,
    b_resp: Port,
    words: usize,
    /// What the inputs hold now.
    driven: Slave,
}

impl MasterPins {
    /// The pins of master `index`.
    pub fn new(model: &Model, config: &Config, index: u32) -> Result<Self, Error> {
        let prefix = prefix(config, index);
        let port = |name: &str| model.port(&format!("{prefix}_{name}"));
        Ok(MasterPins {
            ar: AddressPins::new(model, &prefix, "ar")?,
            aw: AddressPins::new(model, &prefix, "aw")?,
            r_valid: port("rvalid")?,
            r_ready: port("rready")?,
            r_id: port("rid")?,
            r_data: port("rdata")?,
            r_resp: port("rresp")?,
            r_last: port("rlast")?,
            w_valid: port("wvalid")?,
            w_ready: port("wready")?,
            w_data: port("wdata")?,
            w_strb: port("wstrb")?,
            w_last: port("wlast")?,
            b_valid: port("bvalid")?,
            b_ready: port("bready")?,
            b_id: port("bid")?,
            b_resp: port("bresp")?,
            words: config.port_bytes as usize / 4,
            driven: Slave::default(),
        })
    }

    /// What the device drives.
    pub fn sample(&self, model: &Model) -> Result<Master, Error> {
        let w = if model.get(self.w_valid) == 0 {
            None
        } else {
            let mut words = [0; MAX_WORDS];
            model.get_wide(self.w_data, &mut words[..self.words])?;
            let mut data = [0; MAX_BYTES];
            data.chunks_exact_mut(4)
                .zip(words)
                .for_each(|(bytes, word)| bytes.copy_from_slice(&word.to_le_bytes()));
            Some(WriteBeat { data, strobes: model.get(self.w_strb), last: model.get(self.w_last) != 0 })
        };
        Ok(Master {
            ar: self.ar.sample(model),
            r_ready: model.get(self.r_ready) != 0,
            aw: self.aw.sample(model),
            w,
            b_ready: model.get(self.b_ready) != 0,
        })
    }

    /// Drives what the memory says; touches only inputs that change. Payloads of a channel that is not valid stay.
    pub fn drive(&mut self, model: &mut Model, slave: &Slave) -> Result<(), Error> {
        let old = self.driven;
        let mut bit = |port: Port, old: bool, new: bool| {
            if old == new { Ok(()) } else { model.set(port, new.into()) }
        };
        bit(self.ar.ready, old.ar_ready, slave.ar_ready)?;
        bit(self.aw.ready, old.aw_ready, slave.aw_ready)?;
        bit(self.w_ready, old.w_ready, slave.w_ready)?;
        bit(self.r_valid, old.r.is_some(), slave.r.is_some())?;
        bit(self.b_valid, old.b.is_some(), slave.b.is_some())?;
        if let Some(beat) = &slave.r
            && old.r.as_ref() != Some(beat)
        {
            let mut words = [0; MAX_WORDS];
            beat.data.chunks_exact(4).zip(&mut words).for_each(|(bytes, word)| {
                *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            });
            model.set_wide(self.r_data, &words[..self.words])?;
            model.set(self.r_id, beat.id.into())?;
            model.set(self.r_resp, beat.resp.into())?;
            model.set(self.r_last, beat.last.into())?;
        }
        if let Some((id, resp)) = slave.b
            && old.b != slave.b
        {
            model.set(self.b_id, id.into())?;
            model.set(self.b_resp, resp.into())?;
        }
        self.driven = *slave;
        Ok(())
    }
}

/// The AXI4-Lite slave of the device.
#[allow(missing_docs)] // AXI names
pub struct LitePins {
    pub awaddr: Port,
    pub awvalid: Port,
    pub awready: Port,
    pub wdata: Port,
    pub wstrb: Port,
    pub wvalid: Port,
    pub wready: Port,
    pub bresp: Port,
    pub bvalid: Port,
    pub bready: Port,
    pub araddr: Port,
    pub arvalid: Port,
    pub arready: Port,
    pub rdata: Port,
    pub rresp: Port,
    pub rvalid: Port,
    pub rready: Port,
}

impl LitePins {
    /// The pins of the register port.
    pub fn new(model: &Model) -> Result<Self, Error> {
        let port = |name: &str| model.port(&format!("s_axi_{name}"));
        Ok(LitePins {
            awaddr: port("awaddr")?,
            awvalid: port("awvalid")?,
            awready: port("awready")?,
            wdata: port("wdata")?,
            wstrb: port("wstrb")?,
            wvalid: port("wvalid")?,
            wready: port("wready")?,
            bresp: port("bresp")?,
            bvalid: port("bvalid")?,
            bready: port("bready")?,
            araddr: port("araddr")?,
            arvalid: port("arvalid")?,
            arready: port("arready")?,
            rdata: port("rdata")?,
            rresp: port("rresp")?,
            rvalid: port("rvalid")?,
            rready: port("rready")?,
        })
    }
}
