// What the proof of two equal modules maps cells to. `asked` becomes an output, which is compared; what nothing drives, an input of both.

// A memory with its words left out: the same requests have the same answers.
(* techmap_celltype = "$mem_v2" *)
module cut_memory (RD_CLK, RD_EN, RD_ARST, RD_SRST, RD_ADDR, RD_DATA, WR_CLK, WR_EN, WR_ADDR, WR_DATA);
    parameter MEMID = 0;
    parameter SIZE = 0;
    parameter OFFSET = 0;
    parameter INIT = 0;
    parameter ABITS = 1;
    parameter WIDTH = 1;
    parameter RD_PORTS = 1;
    parameter WR_PORTS = 1;
    parameter RD_CLK_ENABLE = 0;
    parameter RD_CLK_POLARITY = 0;
    parameter RD_TRANSPARENCY_MASK = 0;
    parameter RD_COLLISION_X_MASK = 0;
    parameter RD_WIDE_CONTINUATION = 0;
    parameter RD_CE_OVER_SRST = 0;
    parameter RD_ARST_VALUE = 0;
    parameter RD_SRST_VALUE = 0;
    parameter RD_INIT_VALUE = 0;
    parameter WR_CLK_ENABLE = 0;
    parameter WR_CLK_POLARITY = 0;
    parameter WR_PRIORITY_MASK = 0;
    parameter WR_WIDE_CONTINUATION = 0;
    input [RD_PORTS-1:0] RD_CLK, RD_EN, RD_ARST, RD_SRST;
    input [RD_PORTS*ABITS-1:0] RD_ADDR;
    output [RD_PORTS*WIDTH-1:0] RD_DATA;
    input [WR_PORTS-1:0] WR_CLK;
    input [WR_PORTS*WIDTH-1:0] WR_EN, WR_DATA;
    input [WR_PORTS*ABITS-1:0] WR_ADDR;
    (* keep *) wire [RD_PORTS*ABITS+WR_PORTS*(ABITS+2*WIDTH)-1:0] asked = {RD_ADDR, WR_ADDR, WR_EN, WR_DATA & WR_EN};
    wire [RD_PORTS*WIDTH-1:0] given;
    assign RD_DATA = given;
endmodule

// A product: the same factors have the same.
(* techmap_celltype = "$mul" *)
module cut_product (A, B, Y);
    parameter A_SIGNED = 0;
    parameter B_SIGNED = 0;
    parameter A_WIDTH = 1;
    parameter B_WIDTH = 1;
    parameter Y_WIDTH = 1;
    input [A_WIDTH-1:0] A;
    input [B_WIDTH-1:0] B;
    output [Y_WIDTH-1:0] Y;
    (* keep *) wire [A_WIDTH+B_WIDTH-1:0] asked = {A, B};
    wire [Y_WIDTH-1:0] given;
    assign Y = given;
endmodule

// A register that begins with any value, the same in both.
(* techmap_celltype = "$ff" *)
module any_start (D, Q);
    parameter WIDTH = 1;
    input [WIDTH-1:0] D;
    output [WIDTH-1:0] Q;
    wire [WIDTH-1:0] start;
    wire [WIDTH-1:0] kept;
    wire first;
    \$initstate begins (.Y(first));
    genvar i;
    generate for (i = 0; i < WIDTH; i = i + 1) begin : bits
        \$_FF_ ff (.D(D[i]), .Q(kept[i]));
    end endgenerate
    assign Q = first ? start : kept;
endmodule
