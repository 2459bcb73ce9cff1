#!/usr/bin/env python3
"""Example SoC with Sterna `@NAME@` and no CPU: a host reaches registers and memory over UARTBone.

    python3 soc.py --board sim          block RAM on the bus
    python3 soc.py --board ulx3s        SDRAM through LiteDRAM

Generates Verilog, csr.csv and csr.json; add --build to run the board's tools.
"""

import argparse

from migen import *

from litex.build.generic_platform import Pins, Subsignal
from litex.build.sim import SimPlatform
from litex.gen import *
from litex.soc.integration.builder import Builder
from litex.soc.integration.soc_core import SoCCore

from sterna import add_sterna

SIM_IO = [
    ("sys_clk", 0, Pins(1)),
    ("sys_rst", 0, Pins(1)),
    ("serial", 0, Subsignal("tx", Pins(1)), Subsignal("rx", Pins(1))),
]


class Crg(LiteXModule):
    """Clock and reset from pins."""

    def __init__(self, platform):
        self.cd_sys = ClockDomain()
        self.comb += self.cd_sys.clk.eq(platform.request("sys_clk"))
        self.comb += self.cd_sys.rst.eq(platform.request("sys_rst"))


def sim_soc(options):
    """Memory in block RAM: too small for a model, enough to elaborate and to look at."""
    platform = SimPlatform("SIM", SIM_IO)
    soc = SoCCore(platform, integrated_main_ram_size=0x20000, **options)
    soc.crg = Crg(platform)
    return soc


def ulx3s_soc(options):
    """LiteX's own SoC for the ULX3S with 32 MB of SDRAM."""
    from litex_boards.targets.radiona_ulx3s import BaseSoC

    options.pop("clk_freq")
    return BaseSoC(device="LFE5U-85F", sys_clk_freq=50e6, with_led_chaser=False, **options)


BOARDS = {"sim": sim_soc, "ulx3s": ulx3s_soc}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--board", choices=sorted(BOARDS), default="sim")
    parser.add_argument("--output", default="build")
    parser.add_argument("--baudrate", type=int, default=115200)
    parser.add_argument("--build", action="store_true", help="run the board's tools")
    args = parser.parse_args()

    options = dict(clk_freq=50e6, cpu_type=None, uart_name="uartbone", integrated_sram_size=0, with_timer=False)
    options["uart_baudrate"] = args.baudrate
    soc = BOARDS[args.board](options)
    add_sterna(soc)
    csr = f"{args.output}/csr"
    builder = Builder(soc, output_dir=args.output, compile_software=False, csr_csv=f"{csr}.csv", csr_json=f"{csr}.json")
    builder.build(run=args.build)


if __name__ == "__main__":
    main()
