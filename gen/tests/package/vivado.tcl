# Stand-ins for the commands of Vivado that the package's scripts use. Each checks what it is given and prints itself; a command that is not
# here is an error of Tcl. Usage: tclsh vivado.tcl SCRIPT, with the core's interfaces, pins and IP name in the environment.

proc log {args} { puts $args }
proc file_of {path} {
    if {![file exists $path]} { error "no such file: $path" }
    return $path
}
# Options of a command and the rest of its words; `known` are its options (UG835), those that take a value with a colon.
proc options {words known} {
    set found [dict create]
    set rest {}
    for {set i 0} {$i < [llength $words]} {incr i} {
        set word [lindex $words $i]
        if {$word in $known} {
            dict set found $word 1
        } elseif {"$word:" in $known} {
            dict set found $word [lindex $words [incr i]]
        } elseif {[string match -* $word]} {
            error "[lindex [info level -1] 0] has no option $word"
        } else {
            lappend rest $word
        }
    }
    return [list $found $rest]
}

# projects and files
set ::project ""
proc create_project {args} {
    if {$::project ne ""} { error "a project is open" }
    lassign [options $args {-force -in_memory -part:}] found rest
    if {[dict get $found -part] ne "xck26-sfvc784-2LV-c"} { error "another part: [dict get $found -part]" }
    set ::project open
    log create_project [dict get $found -part]
}
proc close_project {} { set ::project "" }
proc current_project {} { return project }
proc current_fileset {} { return sources_1 }
proc get_board_parts {args} {
    options $args {-quiet}
    return {xilinx.com:kv260_som:part0:1.3 xilinx.com:kv260_som:part0:1.10}
}
proc add_files {args} { log add_files [file_of [lindex [options $args {-norecurse}] 1 0]] }
proc read_xdc {file} { log read_xdc [file_of $file]; source $file }
proc current_design {} { return design }
proc update_compile_order {args} { options $args {-fileset:} }
proc update_ip_catalog {} { log update_ip_catalog }
proc get_files {name} { return "files:$name" }
# Properties of each object that there is (UG912, PG201, PG247).
set ::properties {
    project {board_part board_connections ip_repo_paths}
    sources_1 {top}
    ip {name version display_name description supported_families}
    files:system.bd {synth_checkpoint_mode}
    design {BITSTREAM.GENERAL.COMPRESS BITSTREAM.CONFIG.OVERTEMPSHUTDOWN}
    registers {CONFIG.NUM_SI CONFIG.NUM_MI}
    ps {
        CONFIG.PSU__FPGA_PL0_ENABLE CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ CONFIG.PSU__USE__IRQ0
        CONFIG.PSU__USE__M_AXI_GP0 CONFIG.PSU__USE__M_AXI_GP1 CONFIG.PSU__USE__M_AXI_GP2 CONFIG.PSU__MAXIGP0__DATA_WIDTH
        CONFIG.PSU__USE__S_AXI_GP2 CONFIG.PSU__USE__S_AXI_GP3 CONFIG.PSU__USE__S_AXI_GP4 CONFIG.PSU__USE__S_AXI_GP5
        CONFIG.PSU__SAXIGP2__DATA_WIDTH CONFIG.PSU__SAXIGP3__DATA_WIDTH CONFIG.PSU__SAXIGP4__DATA_WIDTH CONFIG.PSU__SAXIGP5__DATA_WIDTH
    }
}
proc property {object name value} {
    if {![dict exists $::properties $object]} { error "no such object: $object" }
    if {$name ni [dict get $::properties $object]} { error "$object has no property $name" }
    log set_property $object $name $value
}
proc set_property {args} {
    if {[lindex $args 0] eq "-dict"} {
        lassign $args - pairs object
        if {[llength $pairs] % 2} { error "an odd number of words: $pairs" }
        foreach {name value} $pairs { property $object $name $value }
        configure $object $pairs
    } else {
        property [lindex $args 2] [lindex $args 0] [lindex $args 1]
    }
}

# the IP packager
namespace eval ipx {
    proc package_project {args} {
        lassign [options $args {-import_files -force -root_dir: -vendor: -library: -taxonomy:}] found rest
        file mkdir [dict get $found -root_dir]
        log package_project [dict get $found -vendor] [dict get $found -library]
    }
    proc current_core {} { return ip }
    foreach name {create_xgui_files update_checksums check_integrity save_core} {
        proc $name {core} "log $name"
    }
}

# the block design: cells, the interfaces and pins that each has, and what is connected
array set ::intf {}
array set ::pins {}
array set ::used {}
proc create_bd_design {name} { log create_bd_design $name }
proc create_bd_cell {args} {
    lassign [options $args {-type: -vlnv:}] found name
    set vlnv [dict get $found -vlnv]
    switch -glob $vlnv {
        xilinx.com:ip:zynq_ultra_ps_e { set intf {}; set pins {} }
        xilinx.com:ip:proc_sys_reset {
            set intf {}
            set pins {slowest_sync_clk ext_reset_in aux_reset_in dcm_locked mb_reset interconnect_aresetn peripheral_aresetn}
        }
        xilinx.com:ip:smartconnect { set intf {S00_AXI M00_AXI}; set pins {aclk aresetn} }
        default {
            if {$vlnv ne "sterna:accelerator:$::env(CORE_IP):1.0"} { error "no such IP: $vlnv" }
            set intf $::env(CORE_INTERFACES)
            set pins $::env(CORE_PINS)
        }
    }
    set ::intf($name) $intf
    set ::pins($name) $pins
    log create_bd_cell $name $vlnv
    return $name
}
proc apply_bd_automation {args} {
    options $args {-rule: -config:}
    log apply_bd_automation
}
# The processing system has the ports that are switched on.
proc configure {cell pairs} {
    if {$cell ne "ps"} return
    foreach {name value} $pairs {
        if {!$value} continue
        switch -regexp -matchvar part $name {
            {PSU__FPGA_PL0_ENABLE} { lappend ::pins(ps) pl_clk0 pl_resetn0 }
            {PSU__USE__M_AXI_GP0} { lappend ::intf(ps) M_AXI_HPM0_FPD; lappend ::pins(ps) maxihpm0_fpd_aclk }
            {PSU__USE__S_AXI_GP([2-5])} {
                set n [expr {[lindex $part 1] - 2}]
                lappend ::intf(ps) S_AXI_HP${n}_FPD
                lappend ::pins(ps) saxihp${n}_fpd_aclk
            }
            {PSU__USE__IRQ0} { lappend ::pins(ps) pl_ps_irq0 }
        }
    }
}
proc get_bd_cells {name} {
    if {![info exists ::pins($name)]} { error "no such cell: $name" }
    return $name
}
proc member {kind table name} {
    lassign [split $name /] cell pin
    upvar #0 $table all
    if {![info exists all($cell)] || [lsearch -exact $all($cell) $pin] < 0} { error "no such $kind: $name" }
    return $name
}
proc get_bd_pins {name} { return [member pin ::pins $name] }
proc get_bd_intf_pins {name} { return [member interface ::intf $name] }
proc connect_bd_net {from to} {
    if {[info exists ::used($to)]} { error "$to is driven twice" }
    set ::used($from) 1
    set ::used($to) 1
    log connect_bd_net $from $to
}
proc connect_bd_intf_net {from to} {
    foreach pin [list $from $to] {
        if {[info exists ::used($pin)]} { error "$pin is connected twice" }
        set ::used($pin) 1
    }
    log connect_bd_intf_net $from $to
}
proc get_bd_addr_segs {args} { return [dict get [lindex [options $args {-of_objects:}] 0] -of_objects]/registers }
proc assign_bd_address {args} {
    options $args {-offset: -range:}
    log assign_bd_address {*}$args
}
proc validate_bd_design {} {
    foreach cell {core registers ps} {
        foreach pin [concat $::intf($cell) $::pins($cell)] {
            if {![info exists ::used($cell/$pin)]} { error "$cell/$pin is not connected" }
        }
    }
    log validate_bd_design
}
proc save_bd_design {} {}
proc generate_target {what files} { log generate_target $what }
proc make_wrapper {args} {
    options $args {-files: -top}
    return [info script]
}

# the flow
foreach {name known} {synth_design {-top: -part:} opt_design {} place_design {} phys_opt_design {} route_design {}} {
    proc $name {args} "options \$args {$known}; log $name {*}\$args"
}
foreach {name known} {
    write_checkpoint -force write_bitstream -force
    report_timing_summary -file: report_utilization {-hierarchical -file:} report_power -file:
} {
    proc $name {args} "options \$args {$known}; log $name \[file tail \[lindex \$args end\]\]"
}
proc get_timing_paths {args} { return [dict get [lindex [options $args {-delay_type: -max_paths:}] 0] -delay_type] }
proc get_property {name path} { return [expr {$path eq "max" ? $::env(SLACK) : $::env(HOLD)}] }

if {[catch {source [lindex $argv 0]} message]} {
    puts stderr $message
    exit 1
}
