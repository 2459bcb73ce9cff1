// @title@: the part's own cells around `soc`: clock, reset, registers at the memory, which is in the same package and known to the
// tools by the names of its ports.
//
// The memory's clock comes 5/8 of a cycle (225 degrees) after the core's.
module @top@ (
    input  wire clk,  // @oscillator@ MHz
@button_port@    input  wire uart_rx,
    output wire uart_tx,
    output wire [@led_msb@:0] led,
@high_ports@    output wire O_sdram_clk,
    output wire O_sdram_cke,
    output wire O_sdram_cs_n,
    output wire O_sdram_ras_n,
    output wire O_sdram_cas_n,
    output wire O_sdram_wen_n,
    output wire [@ba_msb@:0] O_sdram_ba,
    output wire [@a_msb@:0] O_sdram_addr,
    output wire [@dqm_msb@:0] O_sdram_dqm,
    inout  wire [@dq_msb@:0] IO_sdram_dq
);
@high_assigns@    wire clock;  // @clock@ MHz
    wire locked;
    rPLL #(
        .FCLKIN("@oscillator@"), .DEVICE("GW2AR-18C"), .IDIV_SEL(@idiv@), .FBDIV_SEL(@fbdiv@), .ODIV_SEL(@odiv@),
        .PSDA_SEL("1010"), .DUTYDA_SEL("1000"), .DYN_DA_EN("false"), .DYN_IDIV_SEL("false"), .DYN_FBDIV_SEL("false"),
        .DYN_ODIV_SEL("false"), .CLKFB_SEL("internal"), .CLKOUT_BYPASS("false"), .CLKOUTP_BYPASS("false"),
        .CLKOUTD_BYPASS("false"), .DYN_SDIV_SEL(2), .CLKOUTD_SRC("CLKOUT"), .CLKOUTD3_SRC("CLKOUT")
    ) pll (
        .CLKIN(clk), .CLKOUT(clock), .CLKOUTP(O_sdram_clk), .LOCK(locked), .CLKOUTD(), .CLKOUTD3(), .RESET(1'b0),
        .RESET_P(1'b0), .CLKFB(1'b0), .FBDSEL(6'b0), .IDSEL(6'b0), .ODSEL(6'b0), .PSDA(4'b0), .FDLY(4'b0), .DUTYDA(4'b0)
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
    wire [@dq_msb@:0] dq_out;
    wire dq_oe;
    reg [@commands_msb@:0] command_pins;
    reg [@dq_msb@:0] to_pad;
    reg [@dq_msb@:0] dq_in;
    reg driven;
    always @(posedge clock) begin
        command_pins <= command;
        to_pad <= dq_out;
        driven <= dq_oe;
        dq_in <= IO_sdram_dq;
    end
    assign IO_sdram_dq = driven ? to_pad : {@dq_bits@{1'bz}};
    soc soc (
        .clk(clock), .rst(rst), .uart_rx(uart_rx), .uart_tx(uart_tx), .led(light),
        .sdram_cke(command[0]), .sdram_cs_n(command[1]), .sdram_ras_n(command[2]), .sdram_cas_n(command[3]),
        .sdram_we_n(command[4]), .sdram_dqm(command[@dqm_slice@]), .sdram_ba(command[@ba_slice@]), .sdram_a(command[@a_slice@]),
        .sdram_dq_out(dq_out), .sdram_dq_oe(dq_oe), .sdram_dq_in(dq_in)
    );
    assign {O_sdram_addr, O_sdram_ba, O_sdram_dqm, O_sdram_wen_n, O_sdram_cas_n, O_sdram_ras_n, O_sdram_cs_n, O_sdram_cke} =
        command_pins;
endmodule
