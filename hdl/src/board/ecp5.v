// @title@: the part's own cells around `soc`: clock, reset, registers in the pads.
//
// All pins of the memory leave registers in the pads, the direction of the data pins too, and data enters one, so their timing
// does not depend on routing. The memory's clock comes @later@/@steps@ of a cycle after the core's: docs/boards.md.
module @top@ (
    input  wire clk,  // @oscillator@ MHz
@button_port@    input  wire uart_rx,
    output wire uart_tx,
    output wire [@led_msb@:0] led,
@high_ports@    output wire sdram_clk,
    output wire sdram_cke,
    output wire sdram_cs_n,
    output wire sdram_ras_n,
    output wire sdram_cas_n,
    output wire sdram_we_n,
    output wire [@ba_msb@:0] sdram_ba,
    output wire [@a_msb@:0] sdram_a,
    output wire [@dqm_msb@:0] sdram_dqm,
    inout  wire [@dq_msb@:0] sdram_dq
);
@high_assigns@    wire clock;  // @clock@ MHz
    wire memory_clock;
    wire locked;
    // the oscillator inside runs at @oscillator@ MHz / @clki@ * @feedback@ = @vco@ MHz
    (* FREQUENCY_PIN_CLKI = "@oscillator@" *)
    (* FREQUENCY_PIN_CLKOP = "@clock@" *)
    (* ICP_CURRENT = "12" *) (* LPF_RESISTOR = "8" *) (* MFG_ENABLE_FILTEROPAMP = "1" *) (* MFG_GMCREF_SEL = "2" *)
    EHXPLLL #(
        .PLLRST_ENA("DISABLED"), .INTFB_WAKE("DISABLED"), .STDBY_ENABLE("DISABLED"), .DPHASE_SOURCE("DISABLED"),
        .OUTDIVIDER_MUXA("DIVA"), .OUTDIVIDER_MUXB("DIVB"), .OUTDIVIDER_MUXC("DIVC"), .OUTDIVIDER_MUXD("DIVD"),
        .FEEDBK_PATH("INT_OS3"), .CLKI_DIV(@clki@), .CLKFB_DIV(1),
        .CLKOS3_ENABLE("ENABLED"), .CLKOS3_DIV(@feedback@), .CLKOS3_CPHASE(0), .CLKOS3_FPHASE(0),
        .CLKOP_ENABLE("ENABLED"), .CLKOP_DIV(@clkop@), .CLKOP_CPHASE(@cphase@), .CLKOP_FPHASE(0),
        .CLKOS_ENABLE("ENABLED"), .CLKOS_DIV(@clkop@), .CLKOS_CPHASE(@memory_cphase@), .CLKOS_FPHASE(@memory_fphase@)
    ) pll (
        .CLKI(clk), .CLKFB(1'b0), .CLKOP(clock), .CLKOS(memory_clock), .LOCK(locked), .RST(1'b0), .STDBY(1'b0),
        .PHASESEL0(1'b0), .PHASESEL1(1'b0), .PHASEDIR(1'b1), .PHASESTEP(1'b1), .PHASELOADREG(1'b1),
        .PLLWAKESYNC(1'b0), .ENCLKOP(1'b0)
    );

    // reset: until the clock has been stable for 2^16 cycles, and while the button is pressed
    reg [1:0] stable = 2'b00;
    reg [16:0] awake = 17'd0;
    always @(posedge clock) begin
        stable <= {stable[0], locked@button@};
        if (!stable[1]) awake <= 17'd0;
        else if (!awake[16]) awake <= awake + 17'd1;
    end
    reg rst = 1'b1;
    always @(posedge clock) rst <= !awake[16];

    wire [@led_msb@:0] light;
    assign led = @led_not@light;
    wire [@commands_msb@:0] command;
    wire [@commands_msb@:0] command_pins;
    wire [@dq_msb@:0] dq_out;
    wire [@dq_msb@:0] dq_in;
    wire dq_oe;
    soc soc (
        .clk(clock), .rst(rst), .uart_rx(uart_rx), .uart_tx(uart_tx), .led(light),
        .sdram_cke(command[0]), .sdram_cs_n(command[1]), .sdram_ras_n(command[2]), .sdram_cas_n(command[3]),
        .sdram_we_n(command[4]), .sdram_dqm(command[@dqm_slice@]), .sdram_ba(command[@ba_slice@]), .sdram_a(command[@a_slice@]),
        .sdram_dq_out(dq_out), .sdram_dq_oe(dq_oe), .sdram_dq_in(dq_in)
    );
    assign {sdram_a, sdram_ba, sdram_dqm, sdram_we_n, sdram_cas_n, sdram_ras_n, sdram_cs_n, sdram_cke} = command_pins;

    ODDRX1F clock_pad (.SCLK(memory_clock), .RST(1'b0), .D0(1'b1), .D1(1'b0), .Q(sdram_clk));
    genvar i;
    generate
        for (i = 0; i <= @commands_msb@; i = i + 1) begin : command_pad
            OFS1P3DX register (.D(command[i]), .SP(1'b1), .SCLK(clock), .CD(1'b0), .Q(command_pins[i]));
        end
        for (i = 0; i <= @dq_msb@; i = i + 1) begin : dq_pad
            wire from_pad;
            wire to_pad;
            wire away;
            OFS1P3DX out (.D(dq_out[i]), .SP(1'b1), .SCLK(clock), .CD(1'b0), .Q(to_pad));
            OFS1P3BX direction (.D(!dq_oe), .SP(1'b1), .SCLK(clock), .PD(1'b0), .Q(away));
            IFS1P3DX in (.D(from_pad), .SP(1'b1), .SCLK(clock), .CD(1'b0), .Q(dq_in[i]));
            BB pad (.I(to_pad), .T(away), .O(from_pad), .B(sdram_dq[i]));
        end
    endgenerate
endmodule
