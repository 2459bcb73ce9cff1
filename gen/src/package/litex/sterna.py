"""Sterna `@NAME@` (configuration @HASH@) as a LiteX module.

Registers: AXI4-Lite slave on the SoC's bus. Memory: @PORTS@ AXI4 master(s) of @PORT_BITS@ bits, each to a LiteDRAM port of its own, or through
LiteX's adapters to the SoC's bus. Interrupt: an event that is pending while a step has ended.
"""

import os

from migen import *

from litex.gen import *

from litex.soc.integration.soc import SoCRegion
from litex.soc.interconnect import axi
from litex.soc.interconnect.csr_eventmanager import EventManager, EventSourceLevel

SOURCES = [
@SOURCES@]
MASTERS = [
@MASTERS@]
REGISTER_BYTES = @REGISTER_BYTES@
REGISTER_BITS = @REGISTER_BITS@
PORT_BITS = @PORT_BITS@
ADDRESS_BITS = @ADDRESS_BITS@

# Signals of each AXI4 channel but valid and ready, as LiteX and the core both name them; which side drives them.
CHANNELS = {
    "aw": ("o", ["addr", "len", "size", "burst", "lock", "prot", "cache", "qos", "id"]),
    "w": ("o", ["data", "strb", "last"]),
    "b": ("i", ["resp", "id"]),
    "ar": ("o", ["addr", "len", "size", "burst", "lock", "prot", "cache", "qos", "id"]),
    "r": ("i", ["data", "resp", "last", "id"]),
}
LITE_CHANNELS = {
    "aw": ("i", ["addr", "prot"]),
    "w": ("i", ["data", "strb"]),
    "b": ("o", ["resp"]),
    "ar": ("i", ["addr", "prot"]),
    "r": ("o", ["data", "resp"]),
}


def connections(prefix, bus, channels):
    """Ports of the instance for `bus`; `channels` says which way each channel's payload goes."""
    ports = {}
    for channel, (direction, signals) in channels.items():
        stream = getattr(bus, channel)
        back = {"i": "o", "o": "i"}[direction]
        ports[f"{direction}_{prefix}_{channel}valid"] = stream.valid
        ports[f"{back}_{prefix}_{channel}ready"] = stream.ready
        for signal in signals:
            ports[f"{direction}_{prefix}_{channel}{signal}"] = getattr(stream, signal)
    return ports


class Sterna(LiteXModule):
    """The core in the clock domain `sys`. `bus`: its registers; `masters`: its AXI4 ports; `ev.step`: its interrupt."""

    def __init__(self, platform, address_width=32):
        self.bus = bus = axi.AXILiteInterface(data_width=32, address_width=32)
        self.masters = [
            axi.AXIInterface(data_width=PORT_BITS, address_width=address_width, id_width=1, bursting=True)
            for _ in MASTERS
        ]
        self.ev = EventManager()
        self.ev.step = EventSourceLevel(description="A step has ended or failed, while IRQ_ENABLE is set.")
        self.ev.finalize()

        ports = {"i_aclk": ClockSignal(), "i_aresetn": ~ResetSignal(), "o_irq": self.ev.step.trigger}
        lite = connections("s_axi", bus, LITE_CHANNELS)
        for channel in ("aw", "ar"):
            lite[f"i_s_axi_{channel}addr"] = getattr(bus, channel).addr[:REGISTER_BITS]
        ports.update(lite)
        for prefix, master in zip(MASTERS, self.masters):
            ports.update(connections(prefix, master, CHANNELS))
            # the core's addresses may be wider or narrower than the memory's
            for channel in ("aw", "ar"):
                address = Signal(ADDRESS_BITS)
                self.comb += getattr(master, channel).addr.eq(address)
                ports[f"o_{prefix}_{channel}addr"] = address
        self.specials += Instance("sterna", name="sterna", **ports)
        add_sources(platform)


def add_sources(platform):
    """Adds the core's Verilog, which lies beside this file."""
    here = os.path.dirname(os.path.abspath(__file__))
    for name in SOURCES:
        platform.add_source(os.path.join(here, name), language="verilog")


def add_sterna(soc, name="sterna", origin=0x9000_0000):
    """Adds the core to a LiteX SoC: registers as region `name`, memory to LiteDRAM if there is one, else to the SoC's bus.

    Addresses that the core sends are physical: with LiteDRAM, 0 is the first byte of the DRAM; on the bus, they are the bus's.
    """
    sterna = Sterna(soc.platform)
    soc.add_module(name, sterna)
    soc.bus.add_slave(name, sterna.bus, SoCRegion(origin=origin, size=REGISTER_BYTES, cached=False))
    if soc.irq.enabled:
        soc.irq.add(name)
    for number, master in enumerate(sterna.masters):
        if hasattr(soc, "sdram"):
            from litedram.frontend.axi import LiteDRAMAXI2Native

            port = soc.sdram.crossbar.get_port(data_width=PORT_BITS)
            soc.add_module(f"{name}_dram{number}", LiteDRAMAXI2Native(master, port))
        else:
            soc.bus.add_master(f"{name}_{number}", master)
    return sterna
