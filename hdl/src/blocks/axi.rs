//! AXI4 and AXI4-Lite ports as the blocks use them (AMBA AXI and ACE protocol specification, IHI 0022): complete
//! channels, with the signals that this design holds constant tied off in one place.

use sterna_spec::config::Config;

use crate::dsl::{Module, Sig, Wire, u};

/// Name prefix of the AXI4 master of port `i`: `m_axi` if there is only one, else `m0_axi`, `m1_axi`, ...
pub fn prefix(config: &Config, i: u32) -> String {
    if config.ports == 1 { "m_axi".into() } else { format!("m{i}_axi") }
}

/// The read channels of an AXI4 master, incrementing bursts of whole beats.
#[allow(missing_docs)] // AXI names
pub struct ReadMaster<'m> {
    pub ar_valid: Wire<'m>,
    pub ar_ready: Sig<'m>,
    pub ar_addr: Wire<'m>,
    pub ar_len: Wire<'m>,
    pub r_valid: Sig<'m>,
    pub r_ready: Wire<'m>,
    pub r_data: Sig<'m>,
    pub r_resp: Sig<'m>,
    pub r_last: Sig<'m>,
}

/// The write channels of an AXI4 master, bursts of one beat.
#[allow(missing_docs)] // AXI names
pub struct WriteMaster<'m> {
    pub aw_valid: Wire<'m>,
    pub aw_ready: Sig<'m>,
    pub aw_addr: Wire<'m>,
    pub w_valid: Wire<'m>,
    pub w_ready: Sig<'m>,
    pub w_data: Wire<'m>,
    pub w_strb: Wire<'m>,
    pub b_valid: Sig<'m>,
    pub b_ready: Wire<'m>,
    pub b_resp: Sig<'m>,
}

/// Id of a master that has one.
fn one_id(m: &Module, prefix: &str, channel: &str) {
    m.output(&format!("{prefix}_{channel}id"), u(1), "transaction id: one, so answers stay in order").set(0);
}

/// Fixed fields of an address channel: whole beats, INCR, normal memory.
pub(crate) fn address_constants(m: &Module, prefix: &str, channel: &str, data_bits: u32) {
    let constants = [
        ("size", 3, (data_bits / 8).trailing_zeros(), "bytes of a beat, as a power of two"),
        ("burst", 2, 1, "incrementing"),
        ("lock", 1, 0, "normal access"),
        ("cache", 4, 3, "normal, not cacheable, bufferable"),
        ("prot", 3, 0, "unprivileged, secure, data"),
        ("qos", 4, 0, "no quality of service"),
    ];
    for (name, width, value, doc) in constants {
        m.output(&format!("{prefix}_{channel}{name}"), u(width), doc).set(m.u(width, value));
    }
}

/// Declares the read channels of an AXI4 master.
pub fn read_master<'m>(m: &'m Module, prefix: &str, address_bits: u32, data_bits: u32) -> ReadMaster<'m> {
    one_id(m, prefix, "ar");
    address_constants(m, prefix, "ar", data_bits);
    let output = |name: &str, width, doc: &str| m.output(&format!("{prefix}_{name}"), u(width), doc);
    let input = |name: &str, width, doc: &str| m.input(&format!("{prefix}_{name}"), u(width), doc);
    m.unused("one id, answers in order", input("rid", 1, "read id"));
    ReadMaster {
        ar_valid: output("arvalid", 1, "read address valid"),
        ar_ready: input("arready", 1, "read address taken"),
        ar_addr: output("araddr", address_bits, "read byte address"),
        ar_len: output("arlen", 8, "beats of the burst - 1"),
        r_valid: input("rvalid", 1, "read data valid"),
        r_ready: output("rready", 1, "read data taken"),
        r_data: input("rdata", data_bits, "read data"),
        r_resp: input("rresp", 2, "read response"),
        r_last: input("rlast", 1, "last beat of the burst"),
    }
}

/// Declares the write channels of an AXI4 master.
pub fn write_master<'m>(m: &'m Module, prefix: &str, address_bits: u32, data_bits: u32) -> WriteMaster<'m> {
    one_id(m, prefix, "aw");
    address_constants(m, prefix, "aw", data_bits);
    let output = |name: &str, width, doc: &str| m.output(&format!("{prefix}_{name}"), u(width), doc);
    let input = |name: &str, width, doc: &str| m.input(&format!("{prefix}_{name}"), u(width), doc);
    m.unused("one id, answers in order", input("bid", 1, "write response id"));
    output("awlen", 8, "beats of the burst - 1").set(0);
    output("wlast", 1, "last beat of the burst").set(1);
    WriteMaster {
        aw_valid: output("awvalid", 1, "write address valid"),
        aw_ready: input("awready", 1, "write address taken"),
        aw_addr: output("awaddr", address_bits, "write byte address"),
        w_valid: output("wvalid", 1, "write data valid"),
        w_ready: input("wready", 1, "write data taken"),
        w_data: output("wdata", data_bits, "write data"),
        w_strb: output("wstrb", data_bits / 8, "bytes to write"),
        b_valid: input("bvalid", 1, "write response valid"),
        b_ready: output("bready", 1, "write response taken"),
        b_resp: input("bresp", 2, "write response"),
    }
}

/// The channels of an AXI4 slave with ids of one bit that takes incrementing bursts of whole beats.
#[allow(missing_docs)] // AXI names
pub struct Slave<'m> {
    pub ar_valid: Sig<'m>,
    pub ar_ready: Wire<'m>,
    pub ar_id: Sig<'m>,
    pub ar_addr: Sig<'m>,
    pub ar_len: Sig<'m>,
    pub r_valid: Wire<'m>,
    pub r_ready: Sig<'m>,
    pub r_id: Wire<'m>,
    pub r_data: Wire<'m>,
    pub r_resp: Wire<'m>,
    pub r_last: Wire<'m>,
    pub aw_valid: Sig<'m>,
    pub aw_ready: Wire<'m>,
    pub aw_id: Sig<'m>,
    pub aw_addr: Sig<'m>,
    pub aw_len: Sig<'m>,
    pub w_valid: Sig<'m>,
    pub w_ready: Wire<'m>,
    pub w_data: Sig<'m>,
    pub w_strb: Sig<'m>,
    pub w_last: Sig<'m>,
    pub b_valid: Wire<'m>,
    pub b_ready: Sig<'m>,
    pub b_id: Wire<'m>,
    pub b_resp: Wire<'m>,
}

/// Declares an AXI4 slave. What [`read_master`] and [`write_master`] hold constant is not looked at.
pub fn slave<'m>(m: &'m Module, prefix: &str, address_bits: u32, data_bits: u32) -> Slave<'m> {
    let output = |name: &str, width, doc: &str| m.output(&format!("{prefix}_{name}"), u(width), doc);
    let input = |name: &str, width, doc: &str| m.input(&format!("{prefix}_{name}"), u(width), doc);
    for channel in ["ar", "aw"] {
        let fields = [("size", 3), ("burst", 2), ("lock", 1), ("cache", 4), ("prot", 3), ("qos", 4)];
        for (name, width) in fields {
            let field = input(&format!("{channel}{name}"), width, "constant");
            m.unused("incrementing bursts of whole beats, all alike", field);
        }
    }
    Slave {
        ar_valid: input("arvalid", 1, "read address valid"),
        ar_ready: output("arready", 1, "read address taken"),
        ar_id: input("arid", 1, "read id"),
        ar_addr: input("araddr", address_bits, "read byte address"),
        ar_len: input("arlen", 8, "beats of the burst - 1"),
        r_valid: output("rvalid", 1, "read data valid"),
        r_ready: input("rready", 1, "read data taken"),
        r_id: output("rid", 1, "id of the read"),
        r_data: output("rdata", data_bits, "read data"),
        r_resp: output("rresp", 2, "read response"),
        r_last: output("rlast", 1, "last beat of the burst"),
        aw_valid: input("awvalid", 1, "write address valid"),
        aw_ready: output("awready", 1, "write address taken"),
        aw_id: input("awid", 1, "write id"),
        aw_addr: input("awaddr", address_bits, "write byte address"),
        aw_len: input("awlen", 8, "beats of the burst - 1"),
        w_valid: input("wvalid", 1, "write data valid"),
        w_ready: output("wready", 1, "write data taken"),
        w_data: input("wdata", data_bits, "write data"),
        w_strb: input("wstrb", data_bits / 8, "bytes to write"),
        w_last: input("wlast", 1, "last beat of the burst"),
        b_valid: output("bvalid", 1, "write response valid"),
        b_ready: input("bready", 1, "write response taken"),
        b_id: output("bid", 1, "id of the write"),
        b_resp: output("bresp", 2, "write response"),
    }
}

/// An AXI4-Lite slave's channels, 32-bit data.
#[allow(missing_docs)] // AXI names
pub struct LiteSlave<'m> {
    pub aw_valid: Sig<'m>,
    pub aw_ready: Wire<'m>,
    pub aw_addr: Sig<'m>,
    pub w_valid: Sig<'m>,
    pub w_ready: Wire<'m>,
    pub w_data: Sig<'m>,
    pub w_strb: Sig<'m>,
    pub b_valid: Wire<'m>,
    pub b_ready: Sig<'m>,
    pub ar_valid: Sig<'m>,
    pub ar_ready: Wire<'m>,
    pub ar_addr: Sig<'m>,
    pub r_valid: Wire<'m>,
    pub r_ready: Sig<'m>,
    pub r_data: Wire<'m>,
}

/// Declares an AXI4-Lite slave with `address_bits` bits of address; it always answers OKAY.
pub fn lite_slave<'m>(m: &'m Module, prefix: &str, address_bits: u32) -> LiteSlave<'m> {
    let output = |name: &str, width, doc: &str| m.output(&format!("{prefix}_{name}"), u(width), doc);
    let input = |name: &str, width, doc: &str| m.input(&format!("{prefix}_{name}"), u(width), doc);
    for name in ["awprot", "arprot"] {
        m.unused("all accesses are alike", input(name, 3, "protection"));
    }
    output("bresp", 2, "write response: OKAY").set(0);
    output("rresp", 2, "read response: OKAY").set(0);
    LiteSlave {
        aw_valid: input("awvalid", 1, "write address valid"),
        aw_ready: output("awready", 1, "write address taken"),
        aw_addr: input("awaddr", address_bits, "write byte address"),
        w_valid: input("wvalid", 1, "write data valid"),
        w_ready: output("wready", 1, "write data taken"),
        w_data: input("wdata", 32, "write data"),
        w_strb: input("wstrb", 4, "bytes to write"),
        b_valid: output("bvalid", 1, "write response valid"),
        b_ready: input("bready", 1, "write response taken"),
        ar_valid: input("arvalid", 1, "read address valid"),
        ar_ready: output("arready", 1, "read address taken"),
        ar_addr: input("araddr", address_bits, "read byte address"),
        r_valid: output("rvalid", 1, "read data valid"),
        r_ready: input("rready", 1, "read data taken"),
        r_data: output("rdata", 32, "read data"),
    }
}

/// An AXI4-Lite master's channels, 32-bit data.
#[allow(missing_docs)] // AXI names
pub struct LiteMaster<'m> {
    pub aw_valid: Wire<'m>,
    pub aw_ready: Sig<'m>,
    pub aw_addr: Wire<'m>,
    pub w_valid: Wire<'m>,
    pub w_ready: Sig<'m>,
    pub w_data: Wire<'m>,
    pub w_strb: Wire<'m>,
    pub b_valid: Sig<'m>,
    pub b_ready: Wire<'m>,
    pub b_resp: Sig<'m>,
    pub ar_valid: Wire<'m>,
    pub ar_ready: Sig<'m>,
    pub ar_addr: Wire<'m>,
    pub r_valid: Sig<'m>,
    pub r_ready: Wire<'m>,
    pub r_data: Sig<'m>,
    pub r_resp: Sig<'m>,
}

/// Declares an AXI4-Lite master with `address_bits` bits of address.
pub fn lite_master<'m>(m: &'m Module, prefix: &str, address_bits: u32) -> LiteMaster<'m> {
    let output = |name: &str, width, doc: &str| m.output(&format!("{prefix}_{name}"), u(width), doc);
    let input = |name: &str, width, doc: &str| m.input(&format!("{prefix}_{name}"), u(width), doc);
    for name in ["awprot", "arprot"] {
        output(name, 3, "unprivileged, secure, data").set(0);
    }
    LiteMaster {
        aw_valid: output("awvalid", 1, "write address valid"),
        aw_ready: input("awready", 1, "write address taken"),
        aw_addr: output("awaddr", address_bits, "write byte address"),
        w_valid: output("wvalid", 1, "write data valid"),
        w_ready: input("wready", 1, "write data taken"),
        w_data: output("wdata", 32, "write data"),
        w_strb: output("wstrb", 4, "bytes to write"),
        b_valid: input("bvalid", 1, "write response valid"),
        b_ready: output("bready", 1, "write response taken"),
        b_resp: input("bresp", 2, "write response"),
        ar_valid: output("arvalid", 1, "read address valid"),
        ar_ready: input("arready", 1, "read address taken"),
        ar_addr: output("araddr", address_bits, "read byte address"),
        r_valid: input("rvalid", 1, "read data valid"),
        r_ready: output("rready", 1, "read data taken"),
        r_data: input("rdata", 32, "read data"),
        r_resp: input("rresp", 2, "read response"),
    }
}
