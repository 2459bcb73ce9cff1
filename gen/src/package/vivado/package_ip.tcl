# Packages the core as an IP in the folder `ip`:  vivado -mode batch -source package_ip.tcl
set here [file dirname [file normalize [info script]]]
set sources {
@SOURCES@    rtl/sterna_ip.v
}

create_project -force -part xck26-sfvc784-2LV-c packaging [file join $here packaging]
foreach file $sources {
    add_files -norecurse [file join $here $file]
}
set_property top sterna_ip [current_fileset]
update_compile_order -fileset sources_1
ipx::package_project -root_dir [file join $here ip] -vendor sterna -library accelerator -taxonomy /UserIP -import_files -force
set core [ipx::current_core]
set_property name @IP@ $core
set_property version 1.0 $core
set_property display_name {Sterna @NAME@} $core
set_property description {Ternary language model accelerator, configuration @HASH@} $core
set_property supported_families {zynquplus Production} $core
ipx::create_xgui_files $core
ipx::update_checksums $core
ipx::check_integrity $core
ipx::save_core $core
close_project
