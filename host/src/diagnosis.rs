//! What a model is, what it needs of a device, and what looks wrong with it: `sterna inspect`.

use crate::compile::{Options, compile};
use crate::config::ModelConfig;
use crate::image::Image;
use crate::model::Model;
use crate::ternary::{Form, Ternary};
use crate::text::{ChatTemplate, Tokenizer};
use sterna_spec::config::Config;

/// Shares of zeros that ternary matrices have. The absmean rule leaves 0.31 of normally distributed weights at zero, training makes it
/// more; outside of this range a matrix was decoded wrongly, scaled wrongly, or never trained.
const ZEROS: std::ops::RangeInclusive<f64> = 0.2..=0.7;
/// Largest difference between the shares of +1 and -1 beyond chance.
const IMBALANCE: f64 = 0.05;

/// One ternary matrix.
#[derive(Debug)]
pub struct Matrix {
    /// The tensor's name.
    pub name: String,
    /// Rows.
    pub outputs: usize,
    /// Columns.
    pub inputs: usize,
    /// How its codes are stored.
    pub format: String,
    /// What a product of codes is multiplied with.
    pub scale: f32,
    /// Shares of -1, 0 and +1.
    pub shares: [f64; 3],
    /// Why it looks wrong.
    pub suspicion: Option<String>,
}

/// How a model fits a device.
#[derive(Debug)]
pub struct Fit {
    /// The device.
    pub device: Config,
    /// Positions that both have.
    pub context: usize,
    /// What the model needs, or every limit that it breaks.
    pub needs: Result<Needs, String>,
}

/// Memory and speed on a device.
#[derive(Debug)]
pub struct Needs {
    /// Name and bytes of each part of memory.
    pub parts: Vec<(&'static str, usize)>,
    /// Bytes of memory in all.
    pub total: u64,
    /// Bytes that a decoded token reads with half the context in use.
    pub bytes_a_token: u64,
    /// Decoded tokens a second if memory is never idle: modelled.
    pub tokens_a_second: f64,
}

/// The tokenizer and the template that came with the model.
#[derive(Debug)]
pub struct Language {
    /// Tokens of the tokenizer, or why there is none.
    pub tokenizer: Result<usize, String>,
    /// Tokens that end a text.
    pub ends: Vec<u32>,
    /// Whether there is a chat template, or why it cannot be used.
    pub template: Result<bool, String>,
}

/// Everything found.
#[derive(Debug)]
pub struct Diagnosis {
    /// All ternary matrices.
    pub matrices: Vec<Matrix>,
    /// Tokenizer and template.
    pub language: Language,
    /// How it fits each device.
    pub fits: Vec<Fit>,
    /// What looks wrong, a sentence each.
    pub suspicions: Vec<String>,
}

impl Diagnosis {
    /// Looks at everything. Reads all weights once.
    pub fn new(model: &Model, devices: &[Config]) -> Self {
        let matrices: Vec<_> = model.matrices().map(|(name, t)| Matrix::new(name, t)).collect();
        let language = Language::new(model);
        let mut suspicions: Vec<String> = matrices.iter().filter_map(|m| m.suspicion.clone()).collect();
        suspicions.extend(language.suspicion(&model.config));
        let fits = devices.iter().map(|device| Fit::new(model, device)).collect();
        Diagnosis { matrices, language, fits, suspicions }
    }

    /// Number of ternary weights.
    pub fn ternary_weights(&self) -> usize {
        self.matrices.iter().map(|m| m.outputs * m.inputs).sum()
    }
}

/// All numbers of a model that are not ternary.
pub fn other_weights(model: &Model) -> usize {
    let (c, w) = (&model.config, &model.weights);
    let norms: usize = w
        .layers
        .iter()
        .map(|l| {
            let optional = [&l.attention_norm, &l.ffn_norm];
            let optional: usize = optional.iter().map(|n| n.as_ref().map_or(0, Vec::len)).sum();
            l.input_norm.len() + l.ffn_input_norm.len() + optional
        })
        .sum();
    (1 + usize::from(!c.tied)) * c.vocab * c.hidden + norms + c.hidden
}

/// How scales are stored, in words.
pub fn form(form: Form) -> &'static str {
    match form {
        Form::Packed(crate::ternary::Direction::Multiply) => "packed, outputs are multiplied by weight_scale",
        Form::Packed(crate::ternary::Direction::Divide) => "packed, outputs are divided by weight_scale",
        Form::Master => "master weights, ternary by the absmean rule",
        Form::Gguf(_) => "GGUF, scales with the codes",
    }
}

impl Matrix {
    fn new(name: String, t: &Ternary) -> Self {
        let (outputs, inputs) = (t.outputs(), t.inputs());
        let count = (outputs * inputs) as f64;
        let shares = t.counts().map(|n| n as f64 / count);
        let [minus, zero, plus] = shares;
        // six standard deviations of chance
        let chance = 6.0 / count.sqrt();
        let suspicion = if zero < ZEROS.start() - chance || zero > ZEROS.end() + chance {
            let (from, to) = (100.0 * ZEROS.start(), 100.0 * ZEROS.end());
            Some(format!(
                "{:.1} % of `{name}` is zero; trained ternary matrices have {from:.0} to {to:.0} %: it may be decoded or scaled wrongly",
                100.0 * zero
            ))
        } else if (plus - minus).abs() > IMBALANCE + chance {
            Some(format!(
                "`{name}` has {:.1} % of -1 and {:.1} % of +1; trained ternary matrices are balanced: it may be decoded wrongly",
                100.0 * minus,
                100.0 * plus
            ))
        } else {
            None
        };
        Matrix { name, outputs, inputs, format: t.format(), scale: t.scale, shares, suspicion }
    }
}

impl Language {
    fn new(model: &Model) -> Self {
        let tokenizer = Tokenizer::open(&model.path);
        let mut ends = model.config.eos.clone();
        ends.extend(tokenizer.as_ref().map_or(&[][..], Tokenizer::end_tokens));
        ends.sort_unstable();
        ends.dedup();
        Language {
            tokenizer: tokenizer.map(|t| t.vocabulary_size()).map_err(|e| e.to_string()),
            ends,
            template: ChatTemplate::open(&model.path).map(|t| t.is_some()).map_err(|e| e.to_string()),
        }
    }

    fn suspicion(&self, config: &ModelConfig) -> Option<String> {
        let vocab = config.vocab;
        let tokens = *self.tokenizer.as_ref().ok()?;
        if tokens > vocab {
            return Some(format!(
                "the tokenizer has {tokens} tokens but the model has {vocab}: they do not belong together"
            ));
        }
        if let Some(id) = self.ends.iter().find(|&&id| id as usize >= vocab) {
            return Some(format!("token {id} ends a text but the model has {vocab} tokens"));
        }
        self.ends
            .is_empty()
            .then(|| "no token ends a text: generation stops at -n or at the end of the context".into())
    }
}

impl Fit {
    fn new(model: &Model, device: &Config) -> Self {
        let context = model.config.context.min(device.context as usize);
        let image = compile(model, device, &Options { context, ..Options::default() });
        let needs = image.map(|image| Needs::new(&image, &model.config)).map_err(|e| e.to_string());
        Fit { device: device.clone(), context, needs }
    }
}

impl Needs {
    fn new(image: &Image, model: &ModelConfig) -> Self {
        let (map, beat) = (&image.map, image.config.beat_bytes());
        let regions = [
            ("embedding", map.embedding),
            ("rotary", map.rotary),
            ("step", map.step),
            ("logits", map.logits),
            ("kv", map.kv),
            ("result", map.result),
        ];
        // half of the used cache's beats: half the context; and one row of each table
        let kv = map.kv_stride / 2;
        let rows = map.embedding.beats / model.vocab + map.rotary.beats / image.context;
        let bytes_a_token = ((map.step.beats + kv + rows) * beat) as u64;
        Needs {
            parts: regions.map(|(name, region)| (name, region.beats * beat)).to_vec(),
            total: image.memory_bytes(),
            bytes_a_token,
            tokens_a_second: image.config.memory_bandwidth() as f64 / bytes_a_token as f64,
        }
    }
}
