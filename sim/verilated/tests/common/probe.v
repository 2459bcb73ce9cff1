// The design of the tests: see `mod.rs`.
module probe (
    input clk,
    input d1,
    input [7:0] d8,
    input [15:0] d16,
    input [32:0] d33,
    input [63:0] d64,
    input [64:0] d65,
    input [599:0] d600,
    input [31:0] other__name,
    output reg q1,
    output reg [7:0] q8,
    output reg [15:0] q16,
    output reg [32:0] q33,
    output reg [63:0] q64,
    output reg [64:0] q65,
    output reg [599:0] q600,
    output [7:0] sum,       // combinational: d8 + q8
    output reg [7:0] fell,  // d8 at the falling edge
    output reg [31:0] cycles,
    input [3:0] stop_how,   // 1 $finish, 2 $stop, 3 $fatal, 4 failing assertion, 5 loop that does not settle
    output [63:0] unset,    // never assigned: initial values
    input [7:0] at,
    output [63:0] word
);
  reg [63:0] never;
  reg [63:0] memory[0:255];
  assign unset = never;
  assign word  = memory[at];
  assign sum   = d8 + q8;
  initial cycles = 0;
  always @(negedge clk) fell <= d8;
  always @(posedge clk) begin
    cycles <= cycles + 1;
    {q1, q8, q16, q33} <= {d1, d8, d16, d33};
    {q64, q65, q600} <= {d64, d65, d600};
    if (stop_how == 1) $finish;
    if (stop_how == 2) $stop;
    if (stop_how == 3) $fatal(1, "on purpose");
    if (stop_how == 4) assert (d8 == 8'd1);
    if (stop_how == 7) begin  // written, so that the memory is not constant
      never <= 0;
      memory[at] <= 0;
    end
  end
  reg ping, pong;
  initial {ping, pong} = 0;
  always @(ping, stop_how) pong <= stop_how == 5 ? !ping : 1'b0;
  always @(pong) ping <= pong;
endmodule
