`timescale 1ns / 1ps
`default_nettype none

// A host and a memory for a core with one port of 8 bytes. The script's words are an offset and a
// value: a write of a register, or WAIT (until the device is not busy), READ (the register `value`, printed) or END.
module bench;
    localparam BEATS = 1 << 16;
    localparam [31:0] WAIT = 32'hffffffff, READ = 32'hfffffffe, END = 32'hfffffffd;
    localparam [13:0] STATUS = `STATUS;
    // a step takes some thousand cycles
    localparam LIMIT = 500_000;

    reg clk = 0, resetn = 0;
    always #5 clk = !clk;

    reg [63:0] memory [0:BEATS-1];
    reg [63:0] script [0:`WORDS-1];

    reg awvalid = 0, wvalid = 0, bready = 0, arvalid = 0, rready = 0;
    reg [13:0] at = 0;
    reg [31:0] value = 0;
    wire awready, wready, bvalid, arready, rvalid, irq;
    wire [31:0] rdata;
    wire [1:0] bresp, rresp;

    wire m_arvalid, m_rready, m_awvalid, m_wvalid, m_wlast, m_bready;
    wire [31:0] m_araddr, m_awaddr;
    wire [7:0] m_arlen, m_awlen, m_wstrb;
    wire [63:0] m_wdata;

    // a burst at a time, with pauses before each and between beats that are written
    reg [15:0] lfsr = 16'hace1;
    reg reading = 0, writing = 0, answering = 0;
    reg [28:0] r_beat, w_beat;
    reg [7:0] r_left;
    wire [63:0] old = memory[w_beat];
    integer i;

    always @(posedge clk) begin
        lfsr <= {lfsr[14:0], lfsr[15] ^ lfsr[13] ^ lfsr[12] ^ lfsr[10]};
        // what a master offers in reset counts as nothing
        if (!reading & m_arvalid & lfsr[0] & resetn) begin
            reading <= 1;
            r_beat <= m_araddr[31:3];
            r_left <= m_arlen;
        end else if (reading & m_rready) begin
            r_beat <= r_beat + 1;
            r_left <= r_left - 1;
            reading <= r_left != 0;
        end
        if (!writing & !answering & m_awvalid & resetn) begin
            writing <= 1;
            w_beat <= m_awaddr[31:3];
        end else if (writing & m_wvalid & lfsr[1]) begin
            for (i = 0; i < 8; i = i + 1)
                if (m_wstrb[i]) memory[w_beat][8*i +: 8] <= m_wdata[8*i +: 8];
            w_beat <= w_beat + 1;
            writing <= !m_wlast;
            answering <= m_wlast;
        end else if (answering & m_bready) answering <= 0;
    end

    sterna dut (
        .aclk(clk), .aresetn(resetn),
        .s_axi_awprot(3'd0), .s_axi_arprot(3'd0), .s_axi_bresp(bresp), .s_axi_rresp(rresp),
        .s_axi_awvalid(awvalid), .s_axi_awready(awready), .s_axi_awaddr(at),
        .s_axi_wvalid(wvalid), .s_axi_wready(wready), .s_axi_wdata(value), .s_axi_wstrb(4'd15),
        .s_axi_bvalid(bvalid), .s_axi_bready(bready),
        .s_axi_arvalid(arvalid), .s_axi_arready(arready), .s_axi_araddr(at),
        .s_axi_rvalid(rvalid), .s_axi_rready(rready), .s_axi_rdata(rdata), .irq(irq),
        .m_axi_arid(), .m_axi_arsize(), .m_axi_arburst(), .m_axi_arlock(), .m_axi_arcache(), .m_axi_arprot(), .m_axi_arqos(),
        .m_axi_rid(1'b0), .m_axi_arvalid(m_arvalid), .m_axi_arready(!reading & lfsr[0]), .m_axi_araddr(m_araddr),
        .m_axi_arlen(m_arlen), .m_axi_rvalid(reading), .m_axi_rready(m_rready), .m_axi_rdata(memory[r_beat]),
        .m_axi_rresp(2'd0), .m_axi_rlast(r_left == 0),
        .m_axi_awid(), .m_axi_awsize(), .m_axi_awburst(), .m_axi_awlock(), .m_axi_awcache(), .m_axi_awprot(), .m_axi_awqos(),
        .m_axi_bid(1'b0), .m_axi_awlen(m_awlen), .m_axi_wlast(m_wlast), .m_axi_awvalid(m_awvalid),
        .m_axi_awready(!writing & !answering), .m_axi_awaddr(m_awaddr), .m_axi_wvalid(m_wvalid),
        .m_axi_wready(writing & lfsr[1]), .m_axi_wdata(m_wdata), .m_axi_wstrb(m_wstrb),
        .m_axi_bvalid(answering), .m_axi_bready(m_bready), .m_axi_bresp(2'd0)
    );

    reg a, w, d, done;

    // handshakes are seen in the middle of a cycle and take place at its end
    task write(input [13:0] to, input [31:0] what);
        begin
            at = to;
            value = what;
            awvalid = 1;
            wvalid = 1;
            bready = 1;
            done = 0;
            while (!done) begin
                @(negedge clk) a = awvalid & awready;
                w = wvalid & wready;
                d = bvalid;
                @(posedge clk) #1;
                if (a) awvalid = 0;
                if (w) wvalid = 0;
                if (d) done = 1;
            end
            bready = 0;
        end
    endtask

    reg [31:0] got;
    task read(input [13:0] from);
        begin
            at = from;
            arvalid = 1;
            rready = 1;
            done = 0;
            while (!done) begin
                @(negedge clk) a = arvalid & arready;
                d = rvalid;
                got = rdata;
                @(posedge clk) #1;
                if (a) arvalid = 0;
                if (d) done = 1;
            end
            rready = 0;
        end
    endtask

    integer n;
    initial begin
        $readmemh("before.hex", memory);
        $readmemh("script.hex", script);
        repeat (16) @(posedge clk);
        #1 resetn = 1;
        for (n = 0; script[n][63:32] != END; n = n + 1)
            case (script[n][63:32])
                WAIT: begin
                    read(STATUS);
                    while (got[0] !== 1'b0 && $time < LIMIT) read(STATUS);
                end
                READ: begin
                    read(script[n][13:0]);
                    $display("%h", got);
                end
                default: write(script[n][45:32], script[n][31:0]);
            endcase
        $writememh("after.hex", memory);
        $display("%0d cycles", $time / 10);
        $finish;
    end
endmodule
