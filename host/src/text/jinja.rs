//! The Jinja environment of chat templates: filters, functions and whitespace as transformers sets them up
//! (`utils/chat_template_utils.py`), with bounds, since templates come from elsewhere.

use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, Value};
use serde::Serialize;

type Result<T> = std::result::Result<T, Error>;

/// What a rendering may cost: instructions, and 64 bytes of text each. A conversation of thousands of turns takes a tenth.
const FUEL: u64 = 2_000_000;

/// The environment that transformers gives to templates.
pub(super) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    let mut syntax = minijinja::syntax::SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true);
    if let Ok(syntax) = syntax.build() {
        environment.set_syntax(syntax);
    }
    environment.set_fuel(Some(FUEL));
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function("raise_exception", |text: String| -> Result<Value> {
        Err(Error::new(ErrorKind::InvalidOperation, "").with_source(Raised(text)))
    });
    environment.add_function("strftime_now", strftime_now);
    environment.add_filter("tojson", tojson);
    environment
}

/// The text with which a template refuses.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Raised(String);

pub(super) fn raised(error: &Error) -> Option<&str> {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(Raised(text)) = cause.downcast_ref() {
            return Some(text);
        }
        source = cause.source();
    }
    None
}

/// What went wrong and where, in one phrase.
pub(super) fn described(error: &Error) -> String {
    let text = match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => "it takes too long".to_string(),
        (kind, None) => kind.to_string(),
        (_, Some(detail)) => detail.to_string(),
    };
    match error.line() {
        Some(line) => format!("{text} (line {line})"),
        None => text,
    }
}

/// The local time, as Python's `strftime` writes it.
fn strftime_now(format: &str) -> Result<String> {
    jiff::fmt::strtime::format(format, &jiff::Zoned::now())
        .map_err(|e| Error::new(ErrorKind::InvalidOperation, format!("strftime_now({format:?}): {e}")))
}

/// Python's `json.dumps` without escapes for HTML, as transformers defines this filter.
fn tojson(value: &Value, settings: Kwargs) -> Result<String> {
    let indent: Option<usize> = settings.get("indent")?;
    let ascii: Option<bool> = settings.get("ensure_ascii")?;
    let sorted: Option<bool> = settings.get("sort_keys")?;
    settings.assert_all_used()?;
    let refused = |what: String| Error::new(ErrorKind::InvalidOperation, format!("tojson: {what}"));
    if ascii == Some(true) || sorted == Some(true) || indent.is_some_and(|n| n > 16) {
        return Err(refused("only `indent` up to 16 is supported".into()));
    }
    let mut out = Vec::new();
    let spaces = vec![b' '; indent.unwrap_or(0)];
    let written = match indent {
        None => value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, Spaced)),
        Some(_) => {
            let pretty = serde_json::ser::PrettyFormatter::with_indent(&spaces);
            value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, pretty))
        }
    };
    written.map_err(|e| refused(e.to_string()))?;
    String::from_utf8(out).map_err(|e| refused(e.to_string()))
}

/// JSON on one line with spaces after commas and colons.
struct Spaced;

impl serde_json::ser::Formatter for Spaced {
    fn begin_array_value<W: ?Sized + std::io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, out: &mut W) -> std::io::Result<()> {
        out.write_all(b": ")
    }
}

/// Replaces `{% generation %}` and its end, with which transformers marks what to train on, by conditions that hold.
pub(super) fn without_generation_marks(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let Some(end) = rest[start + 2..].find("%}").map(|end| start + 2 + end) else { break };
        let tag = &rest[start + 2..end];
        let word = tag.trim_matches(['-', '+']).trim();
        let replacement = match word {
            "generation" => Some("if true"),
            "endgeneration" => Some("endif"),
            _ => None,
        };
        out.push_str(&rest[..start + 2]);
        match replacement {
            Some(replacement) => out.push_str(&tag.replacen(word, &format!(" {replacement} "), 1)),
            None => out.push_str(tag),
        }
        rest = &rest[end..];
    }
    out + rest
}
