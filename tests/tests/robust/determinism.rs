//! The same command in two places gives the same bytes: another folder, another home, empty caches, another process.

use std::collections::BTreeSet;

use serde_json::Value;
use sterna_tests::programs::{root, sterna, sterna_gen};

use crate::place::{Place, Tree, model, stories};

/// Runs the same in two places, deeper in the second one, and compares what was printed and every file.
fn twice(work: impl Fn(&Place) -> Vec<String>) -> Tree {
    let run = |place: Place| (work(&place), place.tree());
    let (first, second) = (run(Place::new()), run(Place::new()));
    assert_eq!(first.0, second.0, "printed");
    let names = |tree: &Tree| tree.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&first.1), names(&second.1));
    let differ: Vec<_> = first.1.iter().filter(|(name, bytes)| second.1[*name] != **bytes).collect();
    assert!(differ.is_empty(), "{:?} differ", differ.iter().map(|(name, _)| name).collect::<Vec<_>>());
    first.1
}

#[test]
fn verilog_packages_and_explorations() {
    let stories = stories();
    let files = twice(|place| {
        let run = |args: &[&str]| place.run(sterna_gen(), args);
        let mut all = vec![run(&["emit", "small.toml", "-o", "out"])];
        all.extend(
            ["vivado", "fusesoc", "litex"].map(|flow| {
                run(&["package", "small.toml", "--for", flow, "-o", &format!("packages/{flow}")])
            }),
        );
        let order = ["explore", "--shape", &stories, "--board", "ulx3s-85f", "--json", "--emit", "best.toml"];
        all.extend([run(&order), run(&["list", "--json"]), run(&["schema", "small.toml"])]);
        all
    });
    let here = root().canonicalize().unwrap().to_string_lossy().into_owned();
    let telling = files.iter().find(|(_, bytes)| {
        let text = String::from_utf8_lossy(bytes);
        text.contains(&here) || text.contains("/home") || text.contains("/tmp")
    });
    assert_eq!(telling.map(|(name, _)| name), None, "names a folder of this machine");
    assert!(files.len() > 60 && files.contains_key("work/best.toml"), "{}", files.len());
}

/// A recording holds the image as it was uploaded, and every answer.
#[test]
fn images_tokens_and_models() {
    let stories = stories();
    let files = twice(|place| {
        let run = |args: &[&str]| place.run(sterna(), args);
        let golden =
            ["run", "--device", "golden:tiny", "-m", &stories, "--json", "-p", "Once upon", "-n", "3"];
        let sampled = ["--temp", "0.8", "--seed", "5", "--record", "session"];
        let told: Value = serde_json::from_str(&run(&[&golden[..], &sampled].concat())).unwrap();
        assert_eq!(told["tokens"].as_array().unwrap().len(), 3);
        let formats = "safetensors,tq2_0,tq1_0,i2_s";
        let logits = [
            "logits",
            "-m",
            &model(),
            "--tokens",
            "3,1,4",
            "--device",
            "golden:tiny",
            "-o",
            "logits.safetensors",
        ];
        vec![
            told["tokens"].to_string(),
            told["text"].to_string(),
            run(&["convert", &stories, "-o", "model", "--format", formats]),
            run(&logits),
            run(&["inspect", &model()]),
        ]
    });
    assert!(files["work/session"].len() > 100_000 && files.contains_key("work/model/model.safetensors"));
}

/// The same device, built anew in the second place only if `anew`.
fn benched(anew: bool) {
    let files = twice(|place| {
        let args = ["bench", "-m", &model(), "-p", "2", "-n", "1", "-d", "0", "--report", "report", "--json"];
        let mut command = place.command(sterna(), &args);
        if !anew {
            command.env(
                "VERILATED_CACHE",
                std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("verilated-cache"),
            );
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // shared objects tell where they were built
        let _ = std::fs::remove_dir_all(place.at("home/.cache"));
        let mut lines: Value = serde_json::from_slice(&output.stdout).unwrap();
        for line in lines.as_array_mut().unwrap() {
            let times = ["wall_seconds", "simulated_cycles_per_second"];
            times.iter().for_each(|name| assert!(line.as_object_mut().unwrap().remove(*name).is_some()));
        }
        vec![lines.to_string()]
    });
    assert!(files.contains_key("work/report/report.json") && files.contains_key("work/report/report.html"));
}

#[test]
fn reports_of_a_simulated_device() {
    benched(false);
}

#[test]
#[ignore = "builds the simulated device twice, some minutes"]
fn reports_of_a_device_built_twice() {
    benched(true);
}
