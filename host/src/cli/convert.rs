//! `sterna convert`: a model in other formats, equal weight for weight.

use super::args::ConvertArgs;
use super::progress::Progress;
use super::run::{load, model_folder};
use super::{print, print_json};
use serde_json::json;
use sterna_host::convert;
use sterna_host::error::Result;

/// The command.
pub fn convert(args: &ConvertArgs) -> Result<()> {
    let folder = model_folder(args.model.as_deref())?;
    let model = load(&folder, &args.reading)?;
    let mut progress = Progress::new("writing");
    let written =
        convert::write(&model, &args.format, &args.output, args.force, |done, all| progress.at(done, all))?;
    drop(progress);
    for note in &written.notes {
        eprintln!("note: {note}");
    }
    if args.json {
        let files: Vec<_> =
            written.files.iter().map(|(name, bytes)| json!({"file": name, "bytes": bytes})).collect();
        return print_json(
            &json!({"folder": args.output.display().to_string(), "files": files, "notes": written.notes}),
        );
    }
    let mut text = format!("{}\n", args.output.display());
    for (name, bytes) in &written.files {
        text += &format!("  {name:<28} {bytes:>12} bytes\n");
    }
    print(&text)
}
