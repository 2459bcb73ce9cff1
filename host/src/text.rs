//! Between text and tokens: the model's tokenizer, from its own file or from a GGUF vocabulary; text that appears token by
//! token; and the template that turns a conversation into a prompt.

mod detokenizer;
mod jinja;
mod open;
mod pretokenizer;
mod template;
mod tokenizer;
mod vocabulary;

pub use detokenizer::Detokenizer;
pub(crate) use pretokenizer::pre_tokenizer_name;
pub use template::{ChatTemplate, Message};
pub use tokenizer::{Tokenizer, silence_guarded_panics};
pub use vocabulary::Vocabulary;
