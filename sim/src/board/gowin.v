// Stand-in for the one cell of a GW2A that the template of its boards uses.

// The clock as it comes: a cycle of `CLKIN` is one of the clocks that the cell makes. The phase of CLKOUTP is in the harness's timing.
module rPLL #(
    parameter FCLKIN = "27",
    parameter DEVICE = "",
    parameter IDIV_SEL = 0,
    parameter FBDIV_SEL = 0,
    parameter ODIV_SEL = 8,
    parameter PSDA_SEL = "0000",
    parameter DUTYDA_SEL = "1000",
    parameter DYN_DA_EN = "false",
    parameter DYN_IDIV_SEL = "false",
    parameter DYN_FBDIV_SEL = "false",
    parameter DYN_ODIV_SEL = "false",
    parameter CLKFB_SEL = "internal",
    parameter CLKOUT_BYPASS = "false",
    parameter CLKOUTP_BYPASS = "false",
    parameter CLKOUTD_BYPASS = "false",
    parameter DYN_SDIV_SEL = 2,
    parameter CLKOUTD_SRC = "CLKOUT",
    parameter CLKOUTD3_SRC = "CLKOUT"
) (
    input  wire CLKIN,
    input  wire CLKFB,
    output wire CLKOUT,
    output wire CLKOUTP,
    output wire CLKOUTD,
    output wire CLKOUTD3,
    output wire LOCK,
    input  wire RESET,
    input  wire RESET_P,
    input  wire [5:0] FBDSEL,
    input  wire [5:0] IDSEL,
    input  wire [5:0] ODSEL,
    input  wire [3:0] PSDA,
    input  wire [3:0] FDLY,
    input  wire [3:0] DUTYDA
);
    reg [5:0] cycles = 6'd0;
    assign CLKOUT = CLKIN;
    assign CLKOUTP = CLKIN;
    assign CLKOUTD = 1'b0;
    assign CLKOUTD3 = 1'b0;
    assign LOCK = &cycles;
    always @(posedge CLKIN) if (!LOCK) cycles <= cycles + 6'd1;
endmodule
