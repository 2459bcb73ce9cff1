//! A session that was recorded on the golden model runs on the simulated Verilog, and every answer is the same.

use std::path::Path;

use sterna_host::compile::{Options, compile};
use sterna_host::model::Model;
use sterna_host::record::{Recorder, Recording, Tape, rerun};
use sterna_host::session::Session;
use sterna_sim::SimDevice;
use sterna_spec::golden::Golden;
use sterna_tests::tiny;

#[test]
fn golden_recordings_run_on_the_simulation() {
    let config = tiny();
    let model = Model::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/reference/llama-158")).unwrap();
    let image = compile(&model, &config, &Options { context: 16, ..Options::default() }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session");
    let tape = Tape::start(&path, "golden", &config).unwrap();
    let device = Recorder::new(Golden::new(&config), tape.clone());
    let mut session = Session::new(Box::new(device), image).unwrap();
    session.prefill(&[3, 1, 4, 1, 5]).unwrap();
    session.logits(&[9, 2]).unwrap();
    drop(session);
    let calls = tape.finish().unwrap();
    let mut sim = SimDevice::new(&config, &sterna_sim::Options::default()).unwrap();
    let outcome = rerun(&mut Recording::open(&path).unwrap(), &mut sim, |_| {}).unwrap();
    assert_eq!((outcome.difference, outcome.calls), (None, calls));
    assert!(
        outcome.compared > 150 && outcome.passed_over > 40,
        "{} {}",
        outcome.compared,
        outcome.passed_over
    );
}
