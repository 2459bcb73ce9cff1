// Stand-ins for the cells of an ECP5 that the template of its boards uses: what they do in one cycle of the clock that the PLL makes,
// which is the simulated one. Registers start as the part's do.

// The clock as it comes: a cycle of `CLKI` is one of the clocks that the cell makes. The phase of CLKOS is in the harness's timing.
module EHXPLLL #(
    parameter PLLRST_ENA = "DISABLED",
    parameter INTFB_WAKE = "DISABLED",
    parameter STDBY_ENABLE = "DISABLED",
    parameter DPHASE_SOURCE = "DISABLED",
    parameter OUTDIVIDER_MUXA = "DIVA",
    parameter OUTDIVIDER_MUXB = "DIVB",
    parameter OUTDIVIDER_MUXC = "DIVC",
    parameter OUTDIVIDER_MUXD = "DIVD",
    parameter FEEDBK_PATH = "CLKOP",
    parameter CLKI_DIV = 1,
    parameter CLKFB_DIV = 1,
    parameter CLKOP_ENABLE = "ENABLED",
    parameter CLKOP_DIV = 8,
    parameter CLKOP_CPHASE = 0,
    parameter CLKOP_FPHASE = 0,
    parameter CLKOS_ENABLE = "DISABLED",
    parameter CLKOS_DIV = 8,
    parameter CLKOS_CPHASE = 0,
    parameter CLKOS_FPHASE = 0,
    parameter CLKOS2_ENABLE = "DISABLED",
    parameter CLKOS2_DIV = 8,
    parameter CLKOS2_CPHASE = 0,
    parameter CLKOS2_FPHASE = 0,
    parameter CLKOS3_ENABLE = "DISABLED",
    parameter CLKOS3_DIV = 8,
    parameter CLKOS3_CPHASE = 0,
    parameter CLKOS3_FPHASE = 0
) (
    input  wire CLKI,
    input  wire CLKFB,
    output wire CLKOP,
    output wire CLKOS,
    output wire LOCK,
    input  wire RST,
    input  wire STDBY,
    input  wire PHASESEL0,
    input  wire PHASESEL1,
    input  wire PHASEDIR,
    input  wire PHASESTEP,
    input  wire PHASELOADREG,
    input  wire PLLWAKESYNC,
    input  wire ENCLKOP
);
    reg [5:0] cycles = 6'd0;
    assign CLKOP = CLKI;
    assign CLKOS = CLKI;
    assign LOCK = &cycles;
    always @(posedge CLKI) if (!LOCK) cycles <= cycles + 6'd1;
endmodule

module ODDRX1F (
    input  wire SCLK,
    input  wire RST,
    input  wire D0,
    input  wire D1,
    output wire Q
);
    assign Q = SCLK ? D0 : D1;
endmodule

module OFS1P3DX (
    input  wire D,
    input  wire SP,
    input  wire SCLK,
    input  wire CD,
    output reg  Q = 1'b0
);
    always @(posedge SCLK) if (CD) Q <= 1'b0; else if (SP) Q <= D;
endmodule

module OFS1P3BX (
    input  wire D,
    input  wire SP,
    input  wire SCLK,
    input  wire PD,
    output reg  Q = 1'b1
);
    always @(posedge SCLK) if (PD) Q <= 1'b1; else if (SP) Q <= D;
endmodule

module IFS1P3DX (
    input  wire D,
    input  wire SP,
    input  wire SCLK,
    input  wire CD,
    output reg  Q = 1'b0
);
    always @(posedge SCLK) if (CD) Q <= 1'b0; else if (SP) Q <= D;
endmodule

module BB (
    input  wire I,
    input  wire T,
    output wire O,
    inout  wire B
);
    assign B = T ? 1'bz : I;
    assign O = B;
endmodule
