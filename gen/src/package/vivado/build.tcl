# From Verilog to bitstream without a project:  vivado -mode batch -source build.tcl
# Results go to the folder `build`: sterna.bit, reports of timing, utilization and power.
set here [file dirname [file normalize [info script]]]
set out [file join $here build]
file mkdir $out

source [file join $here package_ip.tcl]

create_project -in_memory -part xck26-sfvc784-2LV-c
set boards [lsort -dictionary [get_board_parts -quiet xilinx.com:kv260_som:part0:*]]
if {[llength $boards] == 0} {
    error "this Vivado has no board files of the KV260; install them (Tools > Download > Boards) and run this again"
}
set_property board_part [lindex $boards end] [current_project]
set_property board_connections {som240_1_connector xilinx.com:kv260_carrier:som240_1_connector:1.0} [current_project]
set_property ip_repo_paths [file join $here ip] [current_project]
update_ip_catalog

source [file join $here bd.tcl]
set design [get_files system.bd]
set_property synth_checkpoint_mode None $design
generate_target all $design
add_files -norecurse [make_wrapper -files $design -top]
read_xdc [file join $here kv260.xdc]

synth_design -top system_wrapper -part xck26-sfvc784-2LV-c
write_checkpoint -force [file join $out synthesized.dcp]
opt_design
place_design
phys_opt_design
route_design
phys_opt_design
write_checkpoint -force [file join $out routed.dcp]
report_timing_summary -file [file join $out timing.txt]
report_utilization -hierarchical -file [file join $out utilization.txt]
report_power -file [file join $out power.txt]

set slack [get_property SLACK [get_timing_paths -delay_type max -max_paths 1]]
set hold [get_property SLACK [get_timing_paths -delay_type min -max_paths 1]]
if {$slack < 0} {
    error "@MHZ@ MHz are missed by [expr {-$slack}] ns: see timing.txt, and lower clock_mhz in config.toml or try other directives"
}
if {$hold < 0} {
    error "hold times are missed by [expr {-$hold}] ns, which no slower clock mends: see timing.txt, and try other directives"
}
write_bitstream -force [file join $out sterna.bit]
puts "sterna.bit: slack $slack ns at @MHZ@ MHz"
