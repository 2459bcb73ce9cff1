//! Chat templates: what turns a conversation into the prompt that a model was trained on.
//!
//! Templates are Jinja programs in the model's folder. The environment is the one that transformers gives them
//! (`utils/chat_template_utils.py`), bounded in time, memory and depth, since they come from elsewhere.

use crate::error::{Error, Result};
use crate::json::read_json;
use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, ErrorKind, Value, context};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What a rendering may cost: instructions, and 64 bytes of text each. A conversation of thousands of turns takes a tenth.
const FUEL: u64 = 2_000_000;
const NAME: &str = "chat";
/// Bytes of the longest template; published ones have up to about 20 KB.
const LONGEST: usize = 64 << 10;
/// Bytes of stack for parsing: a chain such as `1+1+1` nests once for each operator, without a limit in the parser. It is
/// address space; memory is used only as far as the parser goes.
const STACK: usize = 256 << 20;

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who speaks: mostly "system", "user" or "assistant"; templates refuse what they do not know.
    pub role: String,
    /// What is said.
    pub content: String,
}

impl From<&Message> for Value {
    fn from(message: &Message) -> Value {
        Value::from_pairs([("role", message.role.as_str()), ("content", message.content.as_str())])
    }
}

/// The template of a model.
pub struct ChatTemplate {
    environment: Environment<'static>,
    origin: String,
    bos: Option<String>,
    eos: Option<String>,
}

/// The parts of `tokenizer_config.json` that templates need.
#[derive(Deserialize, Default)]
struct TokenizerConfig {
    chat_template: Option<Templates>,
    bos_token: Option<Token>,
    eos_token: Option<Token>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Templates {
    One(String),
    Named(Vec<Named>),
}

#[derive(Deserialize)]
struct Named {
    name: String,
    template: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Token {
    Text(String),
    Settings { content: String },
}

impl Token {
    fn text(self) -> String {
        match self {
            Token::Text(text) | Token::Settings { content: text } => text,
        }
    }
}

impl ChatTemplate {
    /// Reads the template of a model folder: `chat_template.jinja`, or else `chat_template` in `tokenizer_config.json` (the
    /// one named "default" of several). `None` where the folder has none.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Json`], and [`Error::Template`] for a template that does not parse.
    pub fn load(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join("tokenizer_config.json");
        let config: TokenizerConfig = if path.exists() { read_json(&path)? } else { Default::default() };
        let file = folder.join("chat_template.jinja");
        let (source, origin) = if file.exists() {
            let text = std::fs::read_to_string(&file);
            (text.map_err(|e| Error::io(&file, "take it from the model's folder", e))?, file)
        } else {
            match config.chat_template {
                None => return Ok(None),
                Some(Templates::One(source)) => (source, path),
                Some(Templates::Named(all)) => (default_of(all, &path)?, path),
            }
        };
        let (bos, eos) = (config.bos_token.map(Token::text), config.eos_token.map(Token::text));
        Self::from_source(&source, bos.as_deref(), eos.as_deref(), &origin.display().to_string()).map(Some)
    }

    /// Prepares a template from its source, such as `tokenizer.chat_template` of a GGUF file. `bos` and `eos` are spellings
    /// of the tokens that start and end a text, `origin` is the file that errors name.
    ///
    /// # Errors
    /// [`Error::Template`] for a template that does not parse, with its line.
    pub fn from_source(source: &str, bos: Option<&str>, eos: Option<&str>, origin: &str) -> Result<Self> {
        let mut environment = environment();
        let parsed = parse(&mut environment, source);
        parsed.map_err(|problem| Error::Template {
            origin: origin.into(),
            problem: format!("does not parse: {problem}; take the model's own template"),
        })?;
        let own = |token: Option<&str>| token.map(str::to_string);
        Ok(Self { environment, origin: origin.into(), bos: own(bos), eos: own(eos) })
    }

    /// The prompt of a conversation. `add_generation_prompt` appends what precedes the model's answer.
    ///
    /// The prompt holds special tokens as text: encode it without adding more
    /// ([`Tokenizer::encode_with_special`](super::Tokenizer::encode_with_special)).
    ///
    /// # Errors
    /// [`Error::Template`]: the template refuses the conversation in its own words, or fails at a line.
    pub fn render(&self, messages: &[Message], add_generation_prompt: bool) -> Result<String> {
        let template = self.environment.get_template(NAME);
        let rendered = template.and_then(|template| {
            let token = |token: &Option<String>| token.as_ref().map_or(Value::UNDEFINED, Value::from);
            template.render(context! {
                messages => messages.iter().map(Value::from).collect::<Vec<_>>(),
                add_generation_prompt,
                bos_token => token(&self.bos),
                eos_token => token(&self.eos),
                tools => Value::from(()),
                documents => Value::from(()),
            })
        });
        rendered.map_err(|e| {
            let problem = match raised(&e) {
                Some(text) => format!("refuses the conversation: {text}"),
                None => format!(
                    "fails: {}; take a template that needs no more, or give the prompt as text",
                    described(&e)
                ),
            };
            Error::Template { origin: self.origin.clone(), problem }
        })
    }
}

fn default_of(all: Vec<Named>, path: &Path) -> Result<String> {
    let names: Vec<String> = all.iter().map(|named| format!("`{}`", named.name)).collect();
    let default = all.into_iter().find(|named| named.name == "default");
    default.map(|named| named.template).ok_or_else(|| Error::Template {
        origin: path.display().to_string(),
        problem: format!("is not told from others: none of {} is `default`; name one so", names.join(", ")),
    })
}

/// The environment that transformers gives to templates.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    let mut syntax = minijinja::syntax::SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true);
    if let Ok(syntax) = syntax.build() {
        environment.set_syntax(syntax);
    }
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.set_formatter(|out, state, value| match value.kind() {
        // as Python spells them
        ValueKind::Bool => Ok(out.write_str(if value.is_true() { "True" } else { "False" })?),
        ValueKind::None => Ok(out.write_str("None")?),
        _ => minijinja::escape_formatter(out, state, value),
    });
    environment.add_function(
        "raise_exception",
        |text: String| -> std::result::Result<Value, minijinja::Error> {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, "").with_source(Raised(text)))
        },
    );
    environment.add_function("strftime_now", strftime_now);
    environment.add_filter("tojson", tojson);
    environment
}

/// Adds the template to its environment, on a stack that suffices for any of this length.
fn parse(environment: &mut Environment<'static>, source: &str) -> std::result::Result<(), String> {
    if source.len() > LONGEST {
        return Err(format!("it has {} bytes, and more than {LONGEST} are not supported", source.len()));
    }
    std::thread::scope(|scope| {
        let work = || environment.add_template_owned(NAME, without_generation_marks(source));
        let worker = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        match worker.map(|worker| worker.join()) {
            Ok(Ok(parsed)) => parsed.map_err(|e| described(&e)),
            Ok(Err(_)) => Err("it stops the template library".into()),
            Err(e) => Err(e.to_string()),
        }
    })
}

/// The text with which a template refuses.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Raised(String);

fn raised(error: &minijinja::Error) -> Option<&str> {
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
fn described(error: &minijinja::Error) -> String {
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
fn strftime_now(format: &str) -> std::result::Result<String, minijinja::Error> {
    jiff::fmt::strtime::format(format, &jiff::Zoned::now()).map_err(|e| {
        minijinja::Error::new(ErrorKind::InvalidOperation, format!("strftime_now({format:?}): {e}"))
    })
}

/// Python's `json.dumps` without escapes for HTML, as transformers defines this filter.
fn tojson(value: &Value, settings: Kwargs) -> std::result::Result<String, minijinja::Error> {
    let indent: Option<usize> = settings.get("indent")?;
    let ascii: Option<bool> = settings.get("ensure_ascii")?;
    let sorted: Option<bool> = settings.get("sort_keys")?;
    settings.assert_all_used()?;
    let refused =
        |what: String| minijinja::Error::new(ErrorKind::InvalidOperation, format!("tojson: {what}"));
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
fn without_generation_marks(source: &str) -> String {
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
