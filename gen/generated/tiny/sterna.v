`default_nettype none

// Sterna: a ternary language model accelerator. See docs/architecture.md.
module sterna (
    input  wire        aclk,
    input  wire        aresetn,        // synchronous, active low
    input  wire [2:0]  s_axi_awprot,   // protection
    input  wire [2:0]  s_axi_arprot,   // protection
    output wire [1:0]  s_axi_bresp,    // write response: OKAY
    output wire [1:0]  s_axi_rresp,    // read response: OKAY
    input  wire        s_axi_awvalid,  // write address valid
    output wire        s_axi_awready,  // write address taken
    input  wire [13:0] s_axi_awaddr,   // write byte address
    input  wire        s_axi_wvalid,   // write data valid
    output wire        s_axi_wready,   // write data taken
    input  wire [31:0] s_axi_wdata,    // write data
    input  wire [3:0]  s_axi_wstrb,    // bytes to write
    output wire        s_axi_bvalid,   // write response valid
    input  wire        s_axi_bready,   // write response taken
    input  wire        s_axi_arvalid,  // read address valid
    output wire        s_axi_arready,  // read address taken
    input  wire [13:0] s_axi_araddr,   // read byte address
    output wire        s_axi_rvalid,   // read data valid
    input  wire        s_axi_rready,   // read data taken
    output wire [31:0] s_axi_rdata,    // read data
    output wire        irq,            // done or error, if enabled
    output wire        m_axi_arid,     // transaction id: one, so answers stay in order
    output wire [2:0]  m_axi_arsize,   // bytes of a beat, as a power of two
    output wire [1:0]  m_axi_arburst,  // incrementing
    output wire        m_axi_arlock,   // normal access
    output wire [3:0]  m_axi_arcache,  // normal, not cacheable, bufferable
    output wire [2:0]  m_axi_arprot,   // unprivileged, secure, data
    output wire [3:0]  m_axi_arqos,    // no quality of service
    input  wire        m_axi_rid,      // read id
    output wire        m_axi_arvalid,  // read address valid
    input  wire        m_axi_arready,  // read address taken
    output wire [31:0] m_axi_araddr,   // read byte address
    output wire [7:0]  m_axi_arlen,    // beats of the burst - 1
    input  wire        m_axi_rvalid,   // read data valid
    output wire        m_axi_rready,   // read data taken
    input  wire [63:0] m_axi_rdata,    // read data
    input  wire [1:0]  m_axi_rresp,    // read response
    input  wire        m_axi_rlast,    // last beat of the burst
    output wire        m_axi_awid,     // transaction id: one, so answers stay in order
    output wire [2:0]  m_axi_awsize,   // bytes of a beat, as a power of two
    output wire [1:0]  m_axi_awburst,  // incrementing
    output wire        m_axi_awlock,   // normal access
    output wire [3:0]  m_axi_awcache,  // normal, not cacheable, bufferable
    output wire [2:0]  m_axi_awprot,   // unprivileged, secure, data
    output wire [3:0]  m_axi_awqos,    // no quality of service
    input  wire        m_axi_bid,      // write response id
    output wire [7:0]  m_axi_awlen,    // beats of the burst - 1
    output wire        m_axi_wlast,    // last beat of the burst
    output wire        m_axi_awvalid,  // write address valid
    input  wire        m_axi_awready,  // write address taken
    output wire [31:0] m_axi_awaddr,   // write byte address
    output wire        m_axi_wvalid,   // write data valid
    input  wire        m_axi_wready,   // write data taken
    output wire [63:0] m_axi_wdata,    // write data
    output wire [7:0]  m_axi_wstrb,    // bytes to write
    input  wire        m_axi_bvalid,   // write response valid
    output wire        m_axi_bready,   // write response taken
    input  wire [1:0]  m_axi_bresp     // write response
);
    wire [1:0] register_block_s_axi_bresp;
    wire [1:0] register_block_s_axi_rresp;
    wire register_block_s_axi_awready;
    wire register_block_s_axi_wready;
    wire register_block_s_axi_bvalid;
    wire register_block_s_axi_arready;
    wire register_block_s_axi_rvalid;
    wire [31:0] register_block_s_axi_rdata;
    wire register_block_start;
    wire [31:0] register_block_program_base;
    wire [31:0] register_block_program_beats;
    wire [31:0] register_block_rows;
    wire [31:0] register_block_result_base;
    wire [31:0] register_block_result_stride;
    wire [31:0] register_block_kv_scale_beats;
    wire [31:0] register_block_kv_data_beats;
    wire [63:0] register_block_port_base;
    wire [255:0] register_block_row_info;
    wire register_block_irq;
    wire [5:0] register_block_rd_index;
    wire [3:0] register_block_rd_row;
    wire control_p_ready;
    wire [255:0] control_vector_insn;
    wire control_start_vector;
    wire control_coding;
    wire [255:0] control_insn;
    wire control_start_load;
    wire control_start_matmul;
    wire control_start_attention;
    wire control_load_p_valid;
    wire [63:0] control_load_p_data;
    wire control_matmul_p_valid;
    wire [63:0] control_matmul_p_data;
    wire control_attention_p_valid;
    wire [63:0] control_attention_p_data;
    wire control_program_start;
    wire control_flush;
    wire control_busy;
    wire control_done;
    wire control_error_valid;
    wire [31:0] control_error_code;
    wire [13:0] control_count;
    wire read_req_ready;
    wire read_error;
    wire read_stream_beat;
    wire read_data_beat;
    wire read_p_valid;
    wire [63:0] read_p_data;
    wire read_d_valid;
    wire [63:0] read_d_data;
    wire read_stream_idle;
    wire read_idle;
    wire read_m_axi_arid;
    wire [2:0] read_m_axi_arsize;
    wire [1:0] read_m_axi_arburst;
    wire read_m_axi_arlock;
    wire [3:0] read_m_axi_arcache;
    wire [2:0] read_m_axi_arprot;
    wire [3:0] read_m_axi_arqos;
    wire read_m_axi_arvalid;
    wire [31:0] read_m_axi_araddr;
    wire [7:0] read_m_axi_arlen;
    wire read_m_axi_rready;
    wire write_w_ready;
    wire write_m_axi_awid;
    wire [2:0] write_m_axi_awsize;
    wire [1:0] write_m_axi_awburst;
    wire write_m_axi_awlock;
    wire [3:0] write_m_axi_awcache;
    wire [2:0] write_m_axi_awprot;
    wire [3:0] write_m_axi_awqos;
    wire [7:0] write_m_axi_awlen;
    wire write_m_axi_wlast;
    wire write_m_axi_awvalid;
    wire [31:0] write_m_axi_awaddr;
    wire write_m_axi_wvalid;
    wire [63:0] write_m_axi_wdata;
    wire [7:0] write_m_axi_wstrb;
    wire write_m_axi_bready;
    wire write_idle;
    wire write_error;
    wire write_write_beat;
    wire load_p_ready;
    wire load_d_ready;
    wire load_req_valid;
    wire [47:0] load_req_data;
    wire load_ld_vmem;
    wire load_ld_cmem;
    wire [3:0] load_ld_row;
    wire [15:0] load_ld_word;
    wire [3:0] load_ld_mask;
    wire [127:0] load_ld_data;
    wire load_done;
    wire engine_w_ready;
    wire engine_done;
    wire engine_stall_stream;
    wire engine_stall_codes;
    wire [99:0] engine_acc_data;
    wire lanes_acc_ask;
    wire [3:0] lanes_acc_row;
    wire [15:0] lanes_acc_word;
    wire [3:0] lanes_att_row;
    wire [15:0] lanes_att_word;
    wire lanes_s_granted;
    wire [31:0] lanes_s_rdata;
    wire lanes_s_taken;
    wire lanes_act_we;
    wire [3:0] lanes_act_row;
    wire [15:0] lanes_act_word;
    wire [31:0] lanes_act_data;
    wire lanes_q_we;
    wire [3:0] lanes_q_row;
    wire [15:0] lanes_q_word;
    wire [63:0] lanes_q_data;
    wire lanes_act_whole;
    wire lanes_q_whole;
    wire lanes_out_valid;
    wire [3:0] lanes_out_kind;
    wire [3:0] lanes_out_row;
    wire [7:0] lanes_out_rep;
    wire [15:0] lanes_out_word;
    wire [127:0] lanes_out_data;
    wire lanes_done;
    wire attend_w_ready;
    wire attend_loaded;
    wire attend_req_valid;
    wire [47:0] attend_req_data;
    wire [3:0] attend_s_rrow;
    wire [7:0] attend_s_rindex;
    wire attend_d_ready;
    wire [159:0] attend_att_data;
    wire attend_s_we;
    wire [3:0] attend_s_row;
    wire [7:0] attend_s_index;
    wire [31:0] attend_s_wdata;
    wire [6:0] attend_heads_done;
    wire attend_done;
    wire attend_stall_data;
    wire keep_hold;
    wire keep_w_valid;
    wire [103:0] keep_w_data;
    wire keep_empty;
    wire select_hold;
    wire [31:0] select_rd_logit;
    wire [31:0] select_rd_id;
    wire select_idle;
    wire [447:0] tally_values;

    assign s_axi_bresp = register_block_s_axi_bresp;
    assign s_axi_rresp = register_block_s_axi_rresp;
    assign s_axi_awready = register_block_s_axi_awready;
    assign s_axi_wready = register_block_s_axi_wready;
    assign s_axi_bvalid = register_block_s_axi_bvalid;
    assign s_axi_arready = register_block_s_axi_arready;
    assign s_axi_rvalid = register_block_s_axi_rvalid;
    assign s_axi_rdata = register_block_s_axi_rdata;
    assign irq = register_block_irq;
    assign m_axi_arid = read_m_axi_arid;
    assign m_axi_arsize = read_m_axi_arsize;
    assign m_axi_arburst = read_m_axi_arburst;
    assign m_axi_arlock = read_m_axi_arlock;
    assign m_axi_arcache = read_m_axi_arcache;
    assign m_axi_arprot = read_m_axi_arprot;
    assign m_axi_arqos = read_m_axi_arqos;
    assign m_axi_arvalid = read_m_axi_arvalid;
    assign m_axi_araddr = read_m_axi_araddr;
    assign m_axi_arlen = read_m_axi_arlen;
    assign m_axi_rready = read_m_axi_rready;
    assign m_axi_awid = write_m_axi_awid;
    assign m_axi_awsize = write_m_axi_awsize;
    assign m_axi_awburst = write_m_axi_awburst;
    assign m_axi_awlock = write_m_axi_awlock;
    assign m_axi_awcache = write_m_axi_awcache;
    assign m_axi_awprot = write_m_axi_awprot;
    assign m_axi_awqos = write_m_axi_awqos;
    assign m_axi_awlen = write_m_axi_awlen;
    assign m_axi_wlast = write_m_axi_wlast;
    assign m_axi_awvalid = write_m_axi_awvalid;
    assign m_axi_awaddr = write_m_axi_awaddr;
    assign m_axi_wvalid = write_m_axi_wvalid;
    assign m_axi_wdata = write_m_axi_wdata;
    assign m_axi_wstrb = write_m_axi_wstrb;
    assign m_axi_bready = write_m_axi_bready;
    wire control_matmul_p_ready = engine_w_ready;
    wire data_taken = load_d_ready | attend_d_ready;

    registers register_block (
        .clk            (aclk),
        .rst            (!aresetn),
        .s_axi_awprot   (s_axi_awprot),
        .s_axi_arprot   (s_axi_arprot),
        .s_axi_bresp    (register_block_s_axi_bresp),
        .s_axi_rresp    (register_block_s_axi_rresp),
        .s_axi_awvalid  (s_axi_awvalid),
        .s_axi_awready  (register_block_s_axi_awready),
        .s_axi_awaddr   (s_axi_awaddr),
        .s_axi_wvalid   (s_axi_wvalid),
        .s_axi_wready   (register_block_s_axi_wready),
        .s_axi_wdata    (s_axi_wdata),
        .s_axi_wstrb    (s_axi_wstrb),
        .s_axi_bvalid   (register_block_s_axi_bvalid),
        .s_axi_bready   (s_axi_bready),
        .s_axi_arvalid  (s_axi_arvalid),
        .s_axi_arready  (register_block_s_axi_arready),
        .s_axi_araddr   (s_axi_araddr),
        .s_axi_rvalid   (register_block_s_axi_rvalid),
        .s_axi_rready   (s_axi_rready),
        .s_axi_rdata    (register_block_s_axi_rdata),
        .busy           (control_busy),
        .done           (control_done),
        .start          (register_block_start),
        .error_valid    (control_error_valid),
        .error_code     (control_error_code),
        .program_base   (register_block_program_base),
        .program_beats  (register_block_program_beats),
        .rows           (register_block_rows),
        .result_base    (register_block_result_base),
        .result_stride  (register_block_result_stride),
        .kv_scale_beats (register_block_kv_scale_beats),
        .kv_data_beats  (register_block_kv_data_beats),
        .port_base      (register_block_port_base),
        .row_info       (register_block_row_info),
        .irq            (register_block_irq),
        .counters       (tally_values),
        .rd_id          (select_rd_id),
        .rd_logit       (select_rd_logit),
        .rd_index       (register_block_rd_index),
        .rd_row         (register_block_rd_row)
    );

    sequencer control (
        .clk               (aclk),
        .rst               (!aresetn),
        .start             (register_block_start),
        .rows              (register_block_rows),
        .row_info          (register_block_row_info),
        .p_valid           (read_p_valid),
        .p_ready           (control_p_ready),
        .p_data            (read_p_data),
        .stream_idle       (read_stream_idle),
        .reader_idle       (read_idle),
        .store_empty       (keep_empty),
        .topk_idle         (select_idle),
        .writer_idle       (write_idle),
        .read_error        (read_error),
        .write_error       (write_error),
        .vector_insn       (control_vector_insn),
        .start_vector      (control_start_vector),
        .vector_done       (lanes_done),
        .coding            (control_coding),
        .attention_heads   (attend_heads_done),
        .load_done         (load_done),
        .matmul_done       (engine_done),
        .attention_done    (attend_done),
        .insn              (control_insn),
        .start_load        (control_start_load),
        .start_matmul      (control_start_matmul),
        .start_attention   (control_start_attention),
        .attention_loaded  (attend_loaded),
        .load_p_valid      (control_load_p_valid),
        .load_p_ready      (load_p_ready),
        .load_p_data       (control_load_p_data),
        .matmul_p_valid    (control_matmul_p_valid),
        .matmul_p_ready    (control_matmul_p_ready),
        .matmul_p_data     (control_matmul_p_data),
        .attention_p_valid (control_attention_p_valid),
        .attention_p_ready (attend_w_ready),
        .attention_p_data  (control_attention_p_data),
        .program_start     (control_program_start),
        .flush             (control_flush),
        .busy              (control_busy),
        .done              (control_done),
        .error_valid       (control_error_valid),
        .error_code        (control_error_code),
        .stream_beat       (read_stream_beat),
        .data_beat         (read_data_beat),
        .write_beat        (write_write_beat),
        .matmul_beat       (control_matmul_p_valid & control_matmul_p_ready),
        .matmul_stream     (engine_stall_stream),
        .matmul_codes      (engine_stall_codes),
        .attention_data    (attend_stall_data),
        .count             (control_count)
    );

    reader read (
        .clk           (aclk),
        .rst           (!aresetn),
        .program_start (control_program_start),
        .program_base  (register_block_program_base),
        .program_beats (register_block_program_beats),
        .flush         (control_flush),
        .port_base     (register_block_port_base),
        .req_valid     (load_req_valid | attend_req_valid),
        .req_ready     (read_req_ready),
        .req_data      (load_req_valid ? load_req_data : attend_req_data),
        .error         (read_error),
        .stream_beat   (read_stream_beat),
        .data_beat     (read_data_beat),
        .p_valid       (read_p_valid),
        .p_ready       (control_p_ready),
        .p_data        (read_p_data),
        .d_valid       (read_d_valid),
        .d_ready       (data_taken),
        .d_data        (read_d_data),
        .stream_idle   (read_stream_idle),
        .idle          (read_idle),
        .m_axi_arid    (read_m_axi_arid),
        .m_axi_arsize  (read_m_axi_arsize),
        .m_axi_arburst (read_m_axi_arburst),
        .m_axi_arlock  (read_m_axi_arlock),
        .m_axi_arcache (read_m_axi_arcache),
        .m_axi_arprot  (read_m_axi_arprot),
        .m_axi_arqos   (read_m_axi_arqos),
        .m_axi_rid     (m_axi_rid),
        .m_axi_arvalid (read_m_axi_arvalid),
        .m_axi_arready (m_axi_arready),
        .m_axi_araddr  (read_m_axi_araddr),
        .m_axi_arlen   (read_m_axi_arlen),
        .m_axi_rvalid  (m_axi_rvalid),
        .m_axi_rready  (read_m_axi_rready),
        .m_axi_rdata   (m_axi_rdata),
        .m_axi_rresp   (m_axi_rresp),
        .m_axi_rlast   (m_axi_rlast)
    );

    writer write (
        .clk           (aclk),
        .rst           (!aresetn),
        .port_base     (register_block_port_base),
        .w_valid       (keep_w_valid),
        .w_ready       (write_w_ready),
        .w_data        (keep_w_data),
        .m_axi_awid    (write_m_axi_awid),
        .m_axi_awsize  (write_m_axi_awsize),
        .m_axi_awburst (write_m_axi_awburst),
        .m_axi_awlock  (write_m_axi_awlock),
        .m_axi_awcache (write_m_axi_awcache),
        .m_axi_awprot  (write_m_axi_awprot),
        .m_axi_awqos   (write_m_axi_awqos),
        .m_axi_bid     (m_axi_bid),
        .m_axi_awlen   (write_m_axi_awlen),
        .m_axi_wlast   (write_m_axi_wlast),
        .m_axi_awvalid (write_m_axi_awvalid),
        .m_axi_awready (m_axi_awready),
        .m_axi_awaddr  (write_m_axi_awaddr),
        .m_axi_wvalid  (write_m_axi_wvalid),
        .m_axi_wready  (m_axi_wready),
        .m_axi_wdata   (write_m_axi_wdata),
        .m_axi_wstrb   (write_m_axi_wstrb),
        .m_axi_bvalid  (m_axi_bvalid),
        .m_axi_bready  (write_m_axi_bready),
        .m_axi_bresp   (m_axi_bresp),
        .idle          (write_idle),
        .error         (write_error),
        .write_beat    (write_write_beat)
    );

    loader load (
        .clk       (aclk),
        .rst       (!aresetn),
        .start     (control_start_load),
        .insn      (control_insn),
        .rows      (register_block_rows[4:0]),
        .row_info  (register_block_row_info),
        .p_valid   (control_load_p_valid),
        .p_ready   (load_p_ready),
        .p_data    (control_load_p_data),
        .d_valid   (read_d_valid),
        .d_ready   (load_d_ready),
        .d_data    (read_d_data),
        .req_valid (load_req_valid),
        .req_ready (read_req_ready),
        .req_data  (load_req_data),
        .ld_vmem   (load_ld_vmem),
        .ld_cmem   (load_ld_cmem),
        .ld_row    (load_ld_row),
        .ld_word   (load_ld_word),
        .ld_mask   (load_ld_mask),
        .ld_data   (load_ld_data),
        .done      (load_done)
    );

    matmul engine (
        .clk          (aclk),
        .rst          (!aresetn),
        .start        (control_start_matmul),
        .insn         (control_insn),
        .w_valid      (control_matmul_p_valid),
        .w_ready      (engine_w_ready),
        .w_data       (control_matmul_p_data),
        .acc_ask      (lanes_acc_ask),
        .acc_word     (lanes_acc_word),
        .done         (engine_done),
        .stall_stream (engine_stall_stream),
        .coding       (control_coding),
        .act_whole    (lanes_act_whole),
        .stall_codes  (engine_stall_codes),
        .act_we       (lanes_act_we),
        .act_row      (lanes_act_row),
        .act_word     (lanes_act_word),
        .act_data     (lanes_act_data),
        .acc_row      (lanes_acc_row),
        .acc_data     (engine_acc_data)
    );

    vector lanes (
        .clk       (aclk),
        .rst       (!aresetn),
        .restart   (control_program_start),
        .start     (control_start_vector),
        .insn      (control_vector_insn),
        .rows      (register_block_rows[4:0]),
        .row_info  (register_block_row_info),
        .hold      (keep_hold | select_hold),
        .acc_data  (engine_acc_data),
        .att_data  (attend_att_data),
        .ld_vmem   (load_ld_vmem),
        .ld_cmem   (load_ld_cmem),
        .ld_row    (load_ld_row),
        .ld_word   (load_ld_word),
        .ld_mask   (load_ld_mask),
        .ld_data   (load_ld_data),
        .s_we      (attend_s_we),
        .s_row     (attend_s_row),
        .s_index   (attend_s_index),
        .s_wdata   (attend_s_wdata),
        .s_rrow    (attend_s_rrow),
        .s_rindex  (attend_s_rindex),
        .acc_ask   (lanes_acc_ask),
        .acc_row   (lanes_acc_row),
        .acc_word  (lanes_acc_word),
        .att_row   (lanes_att_row),
        .att_word  (lanes_att_word),
        .s_granted (lanes_s_granted),
        .s_rdata   (lanes_s_rdata),
        .s_taken   (lanes_s_taken),
        .act_we    (lanes_act_we),
        .act_row   (lanes_act_row),
        .act_word  (lanes_act_word),
        .act_data  (lanes_act_data),
        .q_we      (lanes_q_we),
        .q_row     (lanes_q_row),
        .q_word    (lanes_q_word),
        .q_data    (lanes_q_data),
        .act_whole (lanes_act_whole),
        .q_whole   (lanes_q_whole),
        .out_valid (lanes_out_valid),
        .out_kind  (lanes_out_kind),
        .out_row   (lanes_out_row),
        .out_rep   (lanes_out_rep),
        .out_word  (lanes_out_word),
        .out_data  (lanes_out_data),
        .done      (lanes_done)
    );

    attention attend (
        .clk            (aclk),
        .rst            (!aresetn),
        .start          (control_start_attention),
        .insn           (control_insn),
        .rows           (register_block_rows[4:0]),
        .w_valid        (control_attention_p_valid),
        .w_ready        (attend_w_ready),
        .w_data         (control_attention_p_data),
        .loaded         (attend_loaded),
        .row_info       (register_block_row_info),
        .kv_scale_beats (register_block_kv_scale_beats),
        .kv_data_beats  (register_block_kv_data_beats),
        .req_valid      (attend_req_valid),
        .req_ready      (read_req_ready & !load_req_valid),
        .req_data       (attend_req_data),
        .q_whole        (lanes_q_whole),
        .q_we           (lanes_q_we),
        .q_row          (lanes_q_row),
        .q_word         (lanes_q_word),
        .q_data         (lanes_q_data),
        .s_rrow         (attend_s_rrow),
        .s_rindex       (attend_s_rindex),
        .s_granted      (lanes_s_granted),
        .d_valid        (read_d_valid),
        .d_ready        (attend_d_ready),
        .d_data         (read_d_data),
        .s_rdata        (lanes_s_rdata),
        .att_row        (lanes_att_row),
        .att_word       (lanes_att_word),
        .att_data       (attend_att_data),
        .s_we           (attend_s_we),
        .s_row          (attend_s_row),
        .s_index        (attend_s_index),
        .s_wdata        (attend_s_wdata),
        .s_taken        (lanes_s_taken),
        .heads_done     (attend_heads_done),
        .done           (attend_done),
        .stall_data     (attend_stall_data)
    );

    store keep (
        .clk            (aclk),
        .rst            (!aresetn),
        .in_valid       (lanes_out_valid),
        .in_kind        (lanes_out_kind),
        .in_row         (lanes_out_row),
        .in_rep         (lanes_out_rep),
        .in_word        (lanes_out_word),
        .in_data        (lanes_out_data),
        .hold           (keep_hold),
        .insn           (control_vector_insn),
        .row_info       (register_block_row_info),
        .kv_scale_beats (register_block_kv_scale_beats),
        .kv_data_beats  (register_block_kv_data_beats),
        .result_base    (register_block_result_base),
        .result_stride  (register_block_result_stride),
        .w_valid        (keep_w_valid),
        .w_ready        (write_w_ready),
        .w_data         (keep_w_data),
        .empty          (keep_empty)
    );

    topk select (
        .clk      (aclk),
        .rst      (!aresetn),
        .insn     (control_vector_insn),
        .in_valid (lanes_out_valid),
        .in_kind  (lanes_out_kind),
        .in_row   (lanes_out_row),
        .in_rep   (lanes_out_rep),
        .in_word  (lanes_out_word),
        .in_data  (lanes_out_data),
        .hold     (select_hold),
        .rd_row   (register_block_rd_row),
        .rd_index (register_block_rd_index),
        .rd_logit (select_rd_logit),
        .rd_id    (select_rd_id),
        .clear    (control_program_start),
        .idle     (select_idle)
    );

    counters tally (
        .clk    (aclk),
        .rst    (!aresetn),
        .clear  (control_program_start),
        .count  (control_count),
        .values (tally_values)
    );
endmodule

`default_nettype wire
