`default_nettype none

// A queue: what goes in comes out, once, in order. It holds CAPACITY words at most, and offers one at most LATENCY cycles
// after it has any. The outputs are for invariants of the block: the words inside, and where one that was chosen at any
// time must be.
module order_rules #(
    parameter WIDTH = 1,
    parameter CAPACITY = 2,
    parameter LATENCY = 1,
    parameter COUNT = 3
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             push,
    input  wire [WIDTH-1:0] in,
    input  wire             valid,
    input  wire             pop,
    input  wire [WIDTH-1:0] out,
    output reg  [COUNT-1:0] inside,
    output reg              tracked,
    output reg  [COUNT-1:0] ahead,
    output reg  [WIDTH-1:0] word,
    output reg  [2:0]       waited
);
    (* anyseq *) wire pick;
    always @(posedge clk) begin
        inside <= inside + push - pop;
        waited <= valid | inside == 0 ? 3'd0 : waited + 3'd1;
        if (!tracked & push & pick) begin
            tracked <= 1;
            word <= in;
            ahead <= inside - pop;
        end else if (tracked & pop) begin
            tracked <= ahead != 0;
            ahead <= ahead - 1'd1;
        end
        if (rst) begin
            inside <= 0;
            waited <= 0;
            tracked <= 0;
            ahead <= 0;
        end
    end
    // no word comes from nothing: nothing is there twice
    rule F1_nothing_from_nothing (rst | !valid | inside != 0);
    // no more words go in than there is room for: nothing is overwritten
    rule F2_room (rst | inside <= CAPACITY);
    // a word chosen at any time is inside until it comes out in its turn, as it went in
    rule F3_inside_until_its_turn (rst | !tracked | ahead < inside);
    rule F3_its_value (rst | !(tracked & valid & ahead == 0) | out == word);
    // what is inside is offered in time: nothing is lost
    rule F4_in_time (rst | waited < LATENCY);
endmodule

`default_nettype wire
