    // where the words are: in `out`, and behind it in `spare`
    wire [2:0] in_queue, ahead, waited;
    wire tracked;
    wire [{width}-1:0] word;
    order_rules #(.WIDTH({width}), .CAPACITY(2), .LATENCY(1), .COUNT(3)) order (clk, rst, x_valid & x_ready, x_data,
        y_valid, y_valid & y_ready, y_data, in_queue, tracked, ahead, word, waited);
    rule I1_words_are_in_two_registers (rst | in_queue == full + spare_full);
    rule I2_spare_is_behind (rst | full | !spare_full);
    rule I3_a_word_is_in_its_place (rst | !tracked | (ahead == 0 ? out : spare) == word);
