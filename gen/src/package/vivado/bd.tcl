# The block design `system`: processing system, core, reset, and a SmartConnect for the registers.
create_bd_design system

set ps [create_bd_cell -type ip -vlnv xilinx.com:ip:zynq_ultra_ps_e ps]
apply_bd_automation -rule xilinx.com:bd_rule:zynq_ultra_ps_e -config {apply_board_preset "1"} $ps
set settings {
    CONFIG.PSU__FPGA_PL0_ENABLE {1}
    CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ {@MHZ@}
    CONFIG.PSU__USE__M_AXI_GP0 {1}
    CONFIG.PSU__MAXIGP0__DATA_WIDTH {128}
    CONFIG.PSU__USE__M_AXI_GP1 {0}
    CONFIG.PSU__USE__M_AXI_GP2 {0}
    CONFIG.PSU__USE__IRQ0 {1}
}
# S_AXI_HP0_FPD to S_AXI_HP3_FPD are GP2 to GP5
for {set i 0} {$i < @PORTS@} {incr i} {
    lappend settings CONFIG.PSU__USE__S_AXI_GP[expr {$i + 2}] 1 CONFIG.PSU__SAXIGP[expr {$i + 2}]__DATA_WIDTH @PORT_BITS@
}
set_property -dict $settings $ps

create_bd_cell -type ip -vlnv sterna:accelerator:@IP@:1.0 core
create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset reset
create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect registers
set_property -dict {CONFIG.NUM_SI {1} CONFIG.NUM_MI {1}} [get_bd_cells registers]

# one clock and its reset
set clocked {core/aclk reset/slowest_sync_clk registers/aclk ps/maxihpm0_fpd_aclk}
for {set i 0} {$i < @PORTS@} {incr i} {
    lappend clocked ps/saxihp${i}_fpd_aclk
}
foreach pin $clocked {
    connect_bd_net [get_bd_pins ps/pl_clk0] [get_bd_pins $pin]
}
connect_bd_net [get_bd_pins ps/pl_resetn0] [get_bd_pins reset/ext_reset_in]
connect_bd_net [get_bd_pins reset/interconnect_aresetn] [get_bd_pins registers/aresetn]
connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins core/aresetn]

# registers, memory, interrupt
connect_bd_intf_net [get_bd_intf_pins ps/M_AXI_HPM0_FPD] [get_bd_intf_pins registers/S00_AXI]
connect_bd_intf_net [get_bd_intf_pins registers/M00_AXI] [get_bd_intf_pins core/s_axi]
set i 0
foreach master {@MASTERS@} {
    connect_bd_intf_net [get_bd_intf_pins core/$master] [get_bd_intf_pins ps/S_AXI_HP${i}_FPD]
    incr i
}
connect_bd_net [get_bd_pins core/irq] [get_bd_pins ps/pl_ps_irq0]

assign_bd_address -offset @REGISTER_BASE@ -range @REGISTER_BYTES@ [get_bd_addr_segs -of_objects [get_bd_intf_pins core/s_axi]]
assign_bd_address
validate_bd_design
save_bd_design
