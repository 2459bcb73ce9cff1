// What Vivado makes of `attention_multiply_add`, which asks for it with `use_dsp`: Yosys has no such pass. (A + D) * B + C, with the
// registers behind the first adder, of B, behind the product and of the sum (UG579: INMODE D + A; OPMODE W = 0, Z = C, X and Y = M).
module attention_multiply_add (
    input wire clk,
    input wire signed [15:0] query,
    input wire signed [15:0] weight,
    input wire signed [7:0] cached,
    input wire signed [25:0] chained,
    output wire signed [25:0] sum
);
    wire [47:0] p;
    assign sum = p[25:0];
    DSP48E2 #(
        .USE_MULT("MULTIPLY"), .AMULTSEL("AD"), .BMULTSEL("B"),
        .AREG(0), .ACASCREG(0), .DREG(0), .ADREG(1), .BREG(1), .BCASCREG(1), .CREG(0), .MREG(1), .PREG(1),
        .ALUMODEREG(0), .CARRYINREG(0), .CARRYINSELREG(0), .INMODEREG(0), .OPMODEREG(0)
    ) multiplier (
        .CLK(clk), .CEAD(1'b1), .CEB2(1'b1), .CEM(1'b1), .CEP(1'b1),
        .A({{14{weight[15]}}, weight}), .D({{11{query[15]}}, query}), .B({{10{cached[7]}}, cached}),
        .C({{22{chained[25]}}, chained}), .P(p),
        .INMODE(5'b00100), .OPMODE(9'b000110101), .ALUMODE(4'b0000), .CARRYIN(1'b0), .CARRYINSEL(3'b000),
        .RSTB(1'b0), .RSTD(1'b0), .RSTM(1'b0), .RSTP(1'b0)
    );
endmodule
