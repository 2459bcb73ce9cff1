//! Register accesses as a bus master: single AXI4-Lite transfers.

use sterna_spec::device::DeviceError;
use verilated::Port;

use crate::device::{SimDevice, failed};

/// Cycles after which a register access is given up.
const LIMIT: u32 = 10_000;
/// Response OKAY.
const OKAY: u64 = 0;

impl SimDevice {
    /// Drives an input of the register port.
    fn drive(&mut self, port: Port, value: u32) -> Result<(), DeviceError> {
        self.model.set(port, value.into()).map_err(failed)
    }

    /// Whether a handshake takes place at the next clock edge. Slaves may raise READY because of VALID, so outputs are settled first.
    fn high(&self, valid: Port, ready: Port) -> bool {
        self.model.get(valid) != 0 && self.model.get(ready) != 0
    }

    /// One write; ends in the cycle that takes the response.
    pub(crate) fn bus_write(&mut self, at: u32, value: u32) -> Result<(), DeviceError> {
        let (aw, w) = (self.lite.awvalid, self.lite.wvalid);
        self.drive(self.lite.awaddr, at)?;
        self.drive(self.lite.wdata, value)?;
        self.drive(self.lite.wstrb, 15)?;
        for port in [aw, w, self.lite.bready] {
            self.drive(port, 1)?;
        }
        for _ in 0..LIMIT {
            self.settle()?;
            let taken = [(aw, self.lite.awready), (w, self.lite.wready)].map(|(v, r)| (v, self.high(v, r)));
            let answered = self.model.get(self.lite.bvalid) != 0;
            let response = self.model.get(self.lite.bresp);
            self.cycle()?;
            for (port, _) in taken.into_iter().filter(|t| t.1) {
                self.drive(port, 0)?;
            }
            if answered {
                self.drive(self.lite.bready, 0)?;
                return if response == OKAY { Ok(()) } else { Err(DeviceError::Register(at)) };
            }
        }
        Err(self.deaf("write to", at))
    }

    /// One read; ends in the cycle that takes the data.
    pub(crate) fn bus_read(&mut self, at: u32) -> Result<u32, DeviceError> {
        let ar = self.lite.arvalid;
        self.drive(self.lite.araddr, at)?;
        self.drive(ar, 1)?;
        self.drive(self.lite.rready, 1)?;
        for _ in 0..LIMIT {
            self.settle()?;
            let taken = self.high(ar, self.lite.arready);
            let answered = self.model.get(self.lite.rvalid) != 0;
            let (data, response) = (self.model.get(self.lite.rdata) as u32, self.model.get(self.lite.rresp));
            self.cycle()?;
            if taken {
                self.drive(ar, 0)?;
            }
            if answered {
                self.drive(self.lite.rready, 0)?;
                return if response == OKAY { Ok(data) } else { Err(DeviceError::Register(at)) };
            }
        }
        Err(self.deaf("read of", at))
    }

    fn deaf(&mut self, what: &str, at: u32) -> DeviceError {
        self.fail(format!("the {what} register {at:#x} was not answered within {LIMIT} cycles"))
    }
}
