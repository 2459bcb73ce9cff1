    // where the words are: in the RAM from read_at on, and in the register behind it
    wire [{count}-1:0] in_queue, ahead;
    wire tracked;
    wire [{width}-1:0] word;
    wire [2:0] waited;
    order_rules #(.WIDTH({width}), .CAPACITY({depth} + 1), .LATENCY(2), .COUNT({count})) order (clk, rst, push, x_data,
        y_valid, pop, y_data, in_queue, tracked, ahead, word, waited);
    wire [{index}-1:0] place = read_at + ahead[{index}-1:0] - head_full;
    wire [{index}-1:0] behind = read_at + stored[{index}-1:0];
    rule I1_count_is_what_is_inside (rst | in_queue == count);
    rule I2_words_are_in_ram_or_register (rst | total == stored + head_full);
    rule I3_words_tells_of_the_ram (rst | words == (stored != 0));
    rule I4_pointers_differ_by_the_words (rst | write_at == behind);
    rule I5_a_word_is_in_its_place (rst | !tracked | (ahead == 0 & head_full) | ram[place] == word);
    rule I6_waiting_is_short (rst | waited == 0 | (waited == 1 & in_queue != 0 & head_full));
