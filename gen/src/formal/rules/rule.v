`default_nettype none

// One property: asserted of the block under proof, or assumed of what is around it.
module rule #(
    parameter ASSUMED = 0
) (
    input wire holds
);
    generate
        if (ASSUMED) begin : side
            always @* assume (holds);
        end else begin : side
            always @* assert (holds);
        end
    endgenerate
endmodule

`default_nettype wire
