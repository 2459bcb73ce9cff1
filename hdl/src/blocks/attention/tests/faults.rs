//! Faults that must show: in what the unit is told, in the data, and planted into the design.

use super::bench::{Fault, Pace, run, run_in};
use super::case::{Case, Style};
use super::{check, pass, shape};
use crate::blocks::attention::attention;
use crate::dsl::{Sig, Sim};
use sterna_spec::config::Config;

#[test]
fn faults_turn_it_red() {
    let config = shape(16, 8, 4, 2, 1, 16);
    // position 20 is the first of its group of two: 21 asks for the same beats, and differs in the mask alone
    let case = Case::new(&config, 2, &[pass(0, &[0, 1]), pass(1, &[2, 3])], &[20], Style::Usual, 6);
    check(&case, Pace::Random);
    for fault in [Fault::Mask, Fault::KvHeads, Fault::QueryHeads, Fault::Drop, Fault::Double, Fault::Bit] {
        let what = run(&case, Pace::Random, fault);
        assert!(what.is_err(), "{fault:?} went unseen");
    }
    // the window begins with the second token of a group: one larger asks for the same beats of codes and of scales
    let case = case.windowed(8);
    check(&case, Pace::Random);
    for fault in [Fault::Mask, Fault::Window] {
        assert!(run(&case, Pace::Random, fault).is_err(), "{fault:?} of a window went unseen");
    }
}

#[test]
fn faults_in_the_design_of_windows_turn_it_red() {
    // the window begins with the second token of a group of two, in the middle of its beat of scales
    let config = shape(16, 8, 4, 2, 1, 16);
    let case = Case::new(&config, 2, &[pass(0, &[0, 1])], &[36], Style::Usual, 15).windowed(8);
    check(&case, Pace::Full);
    type Plant = fn(Sig<'_>) -> Sig<'_>;
    let faults: [(&str, Plant); 11] = [
        ("past", |s| s.wrapping_add(1)),
        ("u_query.first", |s| s.wrapping_add(1)),
        ("u_query.first", |s| s.wrapping_sub(1)),
        ("u_query.position", |s| s.wrapping_sub(1)),
        ("u_softmax_0.counts", |s| s.module().u(1, 1)),
        ("u_weigh.first_kept", |s| s.wrapping_add(2)),
        ("u_control.group", |s| s.wrapping_add(1)),
        ("u_plan.first", |s| s.wrapping_sub(2)),
        ("u_fetch.first_q", |s| s.wrapping_sub(2)),
        ("u_fetch.skipped_codes", |s| s.wrapping_add(1)),
        ("u_fetch.code_beats", |s| s.wrapping_add(1)),
    ];
    for (nth, (path, fault)) in faults.into_iter().enumerate() {
        let m = attention(&config);
        m.plant(path, fault);
        let sim = Sim::seeded(&m, 15).unwrap();
        assert!(run_in(sim, &case, Pace::Full, Fault::None).is_err(), "fault {nth}, at {path}, went unseen");
    }
}

#[test]
fn faults_in_the_design_of_shared_rows_turn_it_red() {
    // two of three rows of one cache take each pass, then the third, then one of another cache whose position would follow
    let config = shape(16, 8, 4, 2, 4, 16);
    let rows = [(0, 20), (0, 21), (0, 22), (1, 23)];
    let passes = [pass(0, &[0]), pass(1, &[1]), pass(2, &[5])];
    let case = Case::of_sequences(&config, 2, &passes, &rows, Style::Usual, 16);
    check(&case, Pace::Full);
    type Plant = fn(Sig<'_>) -> Sig<'_>;
    let faults: [(&str, Plant); 13] = [
        // the mask of a slot is off by one
        ("u_query.position", |s| s.wrapping_add(1)),
        ("u_query.position", |s| s.wrapping_sub(1)),
        ("u_softmax_1.span_last_kept", |s| s.wrapping_sub(1)),
        // a slot's row: as it is loaded, as it is written
        ("u_query.slot_row", |s| s ^ s.module().u(2, 1)),
        ("u_output.slot_row", |s| s ^ s.module().u(2, 1)),
        // rows join that must not, or are more than there are slots
        ("u_plan.kv_bases_read", |s| s.module().u(32, 2)),
        ("u_plan.fitting", |s| s.wrapping_add(1)),
        // rows of another pass
        ("u_plan.first_row", |s| s.wrapping_add(1)),
        ("u_plan.last_position", |s| s.wrapping_add(1)),
        // the memories of two passes are exchanged, or one serves both
        ("u_weigh.bank", |s| s.module().u(1, 0)),
        // what is made waits for nobody
        ("u_weigh.pass_weighed", |s| s.module().u(1, 1)),
        ("u_weigh.weights_left", |s| s.module().u(1, 0)),
        ("u_control.first_group", |s| s.module().u(1, 0)),
    ];
    for (nth, (path, fault)) in faults.into_iter().enumerate() {
        let m = attention(&config);
        m.plant(path, fault);
        let sim = Sim::seeded(&m, 16).unwrap();
        assert!(run_in(sim, &case, Pace::Full, Fault::None).is_err(), "fault {nth}, at {path}, went unseen");
    }
}

#[test]
fn sums_wait_to_be_written() {
    // eight slots of eight words: more cycles than a pass of one token takes
    let config = shape(16, 16, 4, 8, 1, 32);
    let passes = [0, 1, 2].map(|kv_head| pass(kv_head, &[0, 1, 2, 3, 4, 5, 6, 7]));
    let case = Case::new(&config, 2, &passes, &[0], Style::Usual, 17);
    check(&case, Pace::Full);
    let m = attention(&config);
    m.plant("u_output.pass_is_held", |s| s.module().u(1, 0));
    assert!(run_in(Sim::seeded(&m, 17).unwrap(), &case, Pace::Full, Fault::None).is_err());
}

#[test]
fn faults_in_the_chains_turn_it_red() {
    // two side tokens: chains of two links
    let config = shape(16, 8, 4, 2, 1, 16);
    let case = Case::new(&config, 2, &[pass(0, &[0, 1])], &[21], Style::Usual, 18);
    check(&case, Pace::Full);
    type Plant = fn(Sig<'_>) -> Sig<'_>;
    let faults: [(&str, Plant); 8] = [
        // bytes of the first link, and of the second
        ("byte_0_0", |s| s ^ 1),
        ("byte_0_1", |s| s ^ 1),
        // a code that the beat does not need is not zero
        ("u_dot_0.query_code_s0", |s| s.wrapping_add(1)),
        ("u_dot_1.weight_code_s1", |s| s.wrapping_add(1)),
        ("u_dot_0.u_link_0_0.code", |s| s.wrapping_add(1)),
        ("u_dot_0.u_link_0_0.sum_q", |s| s.wrapping_add(1)),
        // the two memories, and who reads which
        ("u_scores.old", |s| s ^ 1),
        ("u_scores.old_weights", |s| s ^ s.module().u(64, 1 << 23)),
    ];
    for (nth, (path, fault)) in faults.into_iter().enumerate() {
        let m = attention(&config);
        m.plant(path, fault);
        let sim = Sim::seeded(&m, 18).unwrap();
        assert!(run_in(sim, &case, Pace::Full, Fault::None).is_err(), "fault {nth}, at {path}, went unseen");
    }
}

#[test]
fn faults_with_an_only_slot_and_a_slow_clock_turn_it_red() {
    let config = Config { clock_mhz: 54, ..shape(4, 4, 2, 1, 1, 8) };
    let passes = [0, 1, 2].map(|head| pass(head.into(), &[head]));
    let case = Case::new(&config, 2, &passes, &[21], Style::Usual, 19);
    check(&case, Pace::Full);
    type Plant = fn(Sig<'_>) -> Sig<'_>;
    let faults: [(&str, Plant); 7] = [
        ("u_output.held_largest", |s| s ^ 1),
        ("u_output.held_totals", |s| s.wrapping_add(64)),
        ("u_output.sum_turn", |s| !s),
        ("u_output.head", |s| s ^ 1),
        ("u_output.address_2", |s| s ^ 1),
        ("u_fetch.code_beats", |s| s.wrapping_add(1)),
        ("u_plan.kept_kv_head", |s| s.module().u(8, 0)),
    ];
    for (nth, (path, fault)) in faults.into_iter().enumerate() {
        let m = attention(&config);
        m.plant(path, fault);
        let sim = Sim::seeded(&m, 19).unwrap();
        assert!(run_in(sim, &case, Pace::Full, Fault::None).is_err(), "fault {nth}, at {path}, went unseen");
    }
}
