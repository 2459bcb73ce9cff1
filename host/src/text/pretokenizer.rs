//! How byte-level vocabularies cut a text before they merge: one row for each way, by the names that GGUF files use.
//!
//! The rows follow llama.cpp's table (`src/llama-vocab.cpp`: names, expressions, which add the start token and which take
//! whole words before merging) and transformers' (`integrations/gguf`). Where a model's own tokenizer.json does more than
//! llama.cpp repeats, the row is the model's; where readers differ, the row says so.

use tokenizers::normalizers::unicode::NFC;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::punctuation::Punctuation;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{PreTokenizerWrapper, SplitDelimiterBehavior};

/// One way to cut a text.
pub(super) struct Row {
    /// What `tokenizer.ggml.pre` calls it.
    pub names: &'static [&'static str],
    /// Whether the text is composed (Unicode NFC) first.
    composed: bool,
    /// The cuts, in order; the last one spells bytes as characters.
    steps: &'static [Step],
    /// Whether a piece that is a token stays whole, whatever the merges say.
    pub whole_words: bool,
    /// Whether a text starts with the start token where the file does not say.
    pub add_bos: bool,
}

/// One cut.
enum Step {
    /// Every match is a piece.
    Split(&'static str),
    /// Numerals are pieces, each or in runs.
    Digits { each: bool },
    /// Runs of punctuation are pieces.
    Punctuation,
    /// Bytes become characters of GPT-2's alphabet; with `words`, after a cut into words by GPT-2's expression.
    Bytes { words: bool },
}

const BYTES: Step = Step::Bytes { words: false };
const WORDS: Step = Step::Bytes { words: true };

/// GPT-2's expression, as far as what it leaves is a piece too.
const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const GPT4O: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

const ROWS: [Row; 11] = [
    Row { names: &["gpt-2", "phi-2"], composed: false, steps: &[WORDS], whole_words: false, add_bos: false },
    // what llama.cpp does with vocabularies of unknown origin; files say it themselves or do not get it
    Row {
        names: &["default"],
        composed: false,
        steps: &[
            Step::Split(r"[\p{P}\$\+<=>\^~\|]+"),
            Step::Split(GPT2),
            Step::Split(r"\p{N}+"),
            Step::Split("[0-9][0-9][0-9]"),
            BYTES,
        ],
        whole_words: false,
        add_bos: false,
    },
    // BitNet b1.58 2B-4T and Llama 3, also ternary
    Row {
        names: &["llama-bpe", "llama3", "llama-v3"],
        composed: false,
        steps: &[Step::Split(LLAMA3), BYTES],
        whole_words: true,
        add_bos: true,
    },
    // Falcon 3 as transformers reads it; llama.cpp adds the start token too, bitnet.cpp neither that nor these cuts
    Row {
        names: &["falcon3", "falcon-h1", "dbrx", "smaug-bpe"],
        composed: false,
        steps: &[Step::Split(LLAMA3), BYTES],
        whole_words: false,
        add_bos: false,
    },
    Row {
        names: &["falcon"],
        composed: false,
        steps: &[Step::Punctuation, WORDS, Step::Digits { each: false }, Step::Split("[0-9][0-9][0-9]")],
        whole_words: false,
        add_bos: false,
    },
    // as in bitnet.cpp, which has it from the model's maker and lost it again later; llama.cpp does not know it
    Row {
        names: &["falcon_e"],
        composed: false,
        steps: &[Step::Split(r"[\p{P}\$\+<=>\^~\|`]+"), Step::Split(GPT2), Step::Split("[0-9]"), BYTES],
        whole_words: false,
        add_bos: false,
    },
    Row {
        names: &["smollm", "starcoder"],
        composed: false,
        steps: &[Step::Digits { each: true }, WORDS],
        whole_words: false,
        add_bos: false,
    },
    Row {
        names: &["qwen2"],
        composed: true,
        steps: &[Step::Split(QWEN2), BYTES],
        whole_words: false,
        add_bos: false,
    },
    Row {
        names: &["stablelm2"],
        composed: false,
        steps: &[Step::Split(QWEN2), BYTES],
        whole_words: false,
        add_bos: false,
    },
    Row {
        names: &["tekken"],
        composed: false,
        steps: &[Step::Split(TEKKEN), BYTES],
        whole_words: true,
        add_bos: true,
    },
    Row {
        names: &["gpt-4o", "llama4"],
        composed: false,
        steps: &[Step::Split(GPT4O), BYTES],
        whole_words: false,
        add_bos: false,
    },
];

/// The name that GGUF has for the `pre_tokenizer` of a tokenizer.json.
pub(crate) fn pre_tokenizer_name(json: &serde_json::Value) -> Option<&'static str> {
    // a sequence of one is that one
    let single = |json: &serde_json::Value| match json["pretokenizers"].as_array().map(Vec::as_slice) {
        Some([one]) => one.clone(),
        _ => json.clone(),
    };
    let wanted = single(json);
    let same = |row: &&Row| {
        let built = row.build().ok().and_then(|built| serde_json::to_value(built).ok());
        built.is_some_and(|built| alike(&single(&built), &wanted))
    };
    ROWS.iter().find(same).map(|row| row.names[0])
}

/// Equal but for what changes no cut: whether offsets are trimmed.
fn alike(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    let plain = |value: &serde_json::Value| {
        value.to_string().replace("\"trim_offsets\":false", "\"trim_offsets\":true")
    };
    plain(a) == plain(b)
}

impl Row {
    /// The row of a name; the error says what is wrong with the name.
    pub fn find(name: &str) -> Result<&'static Row, String> {
        if let Some(row) = ROWS.iter().find(|row| row.names.contains(&name)) {
            return Ok(row);
        }
        Err(format!("the pre-tokenizer `{name}` is not one of {}", Self::known()))
    }

    /// All names, as a sentence has them.
    pub fn known() -> String {
        let names: Vec<&str> = ROWS.iter().flat_map(|row| row.names).copied().collect();
        names.join(", ")
    }

    /// The library's normalizer, if the row has one.
    pub fn normalizer(&self) -> Option<NFC> {
        self.composed.then_some(NFC)
    }

    /// The library's pre-tokenizer.
    pub fn build(&self) -> tokenizers::Result<Sequence> {
        let steps = self.steps.iter().map(|step| -> tokenizers::Result<PreTokenizerWrapper> {
            Ok(match step {
                Step::Split(expression) => {
                    let pattern = SplitPattern::Regex((*expression).into());
                    Split::new(pattern, SplitDelimiterBehavior::Isolated, false)?.into()
                }
                Step::Digits { each } => Digits::new(*each).into(),
                Step::Punctuation => Punctuation::new(SplitDelimiterBehavior::Contiguous).into(),
                Step::Bytes { words } => ByteLevel::new(false, false, *words).into(),
            })
        });
        Ok(Sequence::new(steps.collect::<tokenizers::Result<Vec<_>>>()?))
    }
}
