// What Vivado makes of `matmul_packed_add`, which asks for it with `use_dsp`: Yosys has no such pass. A:B + C into the output register
// (UG579: OPMODE W = 0, Z = C, Y = 0, X = A:B).
module matmul_packed_add (
    input wire clk,
    input wire [47:0] a,
    input wire [47:0] b,
    input wire stage,
    output wire [47:0] sum
);
    DSP48E2 #(
        .USE_MULT("NONE"),
        .AREG(0), .ACASCREG(0), .BREG(0), .BCASCREG(0), .CREG(0), .DREG(0), .ADREG(0),
        .MREG(0), .PREG(1), .ALUMODEREG(0), .CARRYINREG(0), .CARRYINSELREG(0), .INMODEREG(0), .OPMODEREG(0)
    ) adder (
        .CLK(clk), .CEP(stage),
        .A(a[47:18]), .B(a[17:0]), .C(b), .P(sum),
        .OPMODE(9'b000110011), .ALUMODE(4'b0000), .INMODE(5'b00000), .CARRYIN(1'b0), .CARRYINSEL(3'b000),
        .RSTP(1'b0)
    );
endmodule
