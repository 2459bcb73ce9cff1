//! Chat templates: what turns a conversation into the prompt that a model was trained on.
//!
//! Templates are Jinja programs, in the model's folder or in its GGUF file.

use super::jinja::{described, environment, raised, without_generation_marks};
use crate::error::{Error, Result};
use crate::json::read_json;
use minijinja::{Environment, Value, context};
use serde::Deserialize;
use std::path::Path;

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

impl Message {
    /// A message; roles are `system`, `user` and `assistant`.
    pub fn new(role: &str, content: &str) -> Self {
        Message { role: role.into(), content: content.into() }
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

    /// The template's text.
    pub fn source(&self) -> String {
        self.environment.get_template(NAME).map(|template| template.source().to_string()).unwrap_or_default()
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
