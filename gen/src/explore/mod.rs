//! The best configurations of a board for a model: every legal one is judged by the models of speed and of resources.
//!
//! ```text
//!   board's preset ─► candidates ─► [area] what fits the part ─► [speed] ─► those that no other one beats
//! ```

mod candidates;
mod judge;
mod print;

use std::path::Path;

use sterna_host::model::Model;
use sterna_host::shapes::Shape;
use sterna_host::whole;
use sterna_spec::config::{Config, PRESETS};

use crate::error::Error;
use crate::parts::Part;
use crate::scratch::Progress;
pub use judge::Judged;
use judge::{Areas, Layers, PROMPT};

/// Percent of a part that a configuration may take, unless something else is asked for: what place and route leaves free besides.
pub const FILL: u32 = 90;

/// What to look for.
#[derive(Clone, Debug)]
pub struct Order {
    /// Name of a published model's shape, or a model's folder.
    pub shape: String,
    /// Name of a board: one whose preset names the memory of a part.
    pub board: String,
    /// Tokens before the one that is generated.
    pub context: usize,
    /// Percent of what the part has that a configuration may take.
    pub fill: u32,
    /// Others to compare, whatever they take.
    pub also: Vec<Config>,
}

/// What was found.
#[derive(Debug)]
pub struct Explored {
    order: Order,
    part: &'static Part,
    /// Legal configurations, and those of them that fit the part.
    looked_at: [usize; 2],
    /// Fastest first; the preset and those named in the order are among them, whatever they take.
    found: Vec<Judged>,
}

/// Boards that can be explored: presets whose memory is that of a part.
fn board(name: &str) -> Result<(Config, &'static Part), Error> {
    let presets = PRESETS.iter().filter_map(|name| Config::preset(name).ok());
    let mut boards: Vec<_> =
        presets.filter_map(|config| Some((Part::with_memory(&config.memory)?, config))).collect();
    let names: Vec<String> = boards.iter().map(|(_, config)| config.name.clone()).collect();
    match boards.iter().position(|(_, config)| config.name == name) {
        Some(at) => {
            let (part, config) = boards.swap_remove(at);
            Ok((config, part))
        }
        None => Err(Error::Board(format!("there is no board '{name}'; choose one of: {}", names.join(", ")))),
    }
}

/// The first layers of a published shape, or of the model in a folder.
fn model(name: &str, layers: usize) -> Result<Model, Error> {
    let path = Path::new(name);
    let found = if path.is_dir() { Model::load(path) } else { Shape::find(name).map(|shape| shape.model(0)) };
    let mut model = found.map_err(|e| Error::Shape(e.to_string()))?;
    model.truncate(layers);
    Ok(model)
}

/// Looks at all configurations of a board.
///
/// # Errors
/// One sentence: there is no such shape or board, the context is too long, or nothing fits the part.
pub fn explore(order: &Order, progress: &Progress) -> Result<Explored, Error> {
    let whole = model(&order.shape, usize::MAX)?;
    let (preset, part) = board(&order.board)?;
    let (layers, longest) = (whole.config.layers, whole.config.context.min(4096));
    let context = (order.context + 1).max(PROMPT);
    if context > longest {
        let most = longest - 1;
        return Err(Error::Shape(format!(
            "a context of {} tokens is too long; choose at most {most}",
            order.context
        )));
    }
    let models = [model(&order.shape, 1)?, model(&order.shape, 2)?];
    let all = candidates::candidates(&preset, &whole.config, context);
    progress.say(&format!("looking at {} configurations ...", all.len()));
    let judge = Judge { order, part, models: &models, layers, context };
    let (mut found, fit) = judge.all(&all);
    found.sort_by_key(|judged| std::cmp::Reverse(judged.place()));
    mark(&mut found);
    found.retain(|judged| judged.best);
    let named = std::iter::once(&preset).chain(&order.also);
    found.extend(named.filter_map(|config| judge.one(&mut Areas::default(), config, true, f64::INFINITY)));
    found.sort_by_key(|judged| std::cmp::Reverse(judged.place()));
    if fit == 0 {
        let Part { name, .. } = part;
        let (fill, shape) = (order.fill, &order.shape);
        return Err(Error::Unfit(format!(
            "none of {} configurations for {shape} takes {fill} % of the {name} or less; allow more with --fill, or choose a smaller shape",
            all.len()
        )));
    }
    Ok(Explored { order: order.clone(), part, looked_at: [all.len(), fit], found })
}

struct Judge<'a> {
    order: &'a Order,
    part: &'static Part,
    models: &'a [Model; 2],
    layers: usize,
    context: usize,
}

impl Judge<'_> {
    /// Those that fit, and how many they are, on all cores.
    fn all(&self, configs: &[Config]) -> (Vec<Judged>, usize) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let limit = f64::from(self.order.fill);
        let work = |share: &[Config]| -> Vec<Judged> {
            let mut areas = Areas::default();
            share.iter().filter_map(|config| self.one(&mut areas, config, false, limit)).collect()
        };
        let shares = configs.chunks(configs.len().div_ceil(cores).max(1));
        let found: Vec<Judged> = std::thread::scope(|scope| {
            let threads: Vec<_> = shares.map(|share| scope.spawn(move || work(share))).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).flatten().collect()
        });
        let fit = found.len();
        (found, fit)
    }

    /// One configuration, if it takes no more than `limit` percent of the part and holds the model.
    fn one(&self, areas: &mut Areas, config: &Config, named: bool, limit: f64) -> Option<Judged> {
        let cost = areas.of(config);
        let (fill, fullest) = cost.fullest(&self.part.has);
        if fill > limit {
            return None;
        }
        let layers = Layers::new(self.models, self.layers, config, self.context)?;
        let clock = f64::from(config.clock_mhz) * 1e6;
        Some(Judged {
            named,
            best: false,
            tokens_per_second: clock / layers.token(self.order.context),
            seconds_to_first_token: layers.prompt() / clock,
            cost,
            fill,
            fullest,
            config: config.clone(),
        })
    }
}

/// Marks those that no other one beats; of those that the models cannot tell apart the first.
fn mark(found: &mut [Judged]) {
    let places: Vec<[i64; 3]> = found.iter().map(Judged::place).collect();
    for (at, mine) in places.iter().enumerate() {
        let beaten = |(i, other): (usize, &[i64; 3])| {
            other.iter().zip(mine).all(|(a, b)| a >= b) && (other != mine || i < at)
        };
        found[at].best = !places.iter().enumerate().any(beaten);
    }
}

impl Explored {
    /// Writes number `pick` of the table as TOML.
    ///
    /// # Errors
    /// If there is no such number, or the file cannot be written.
    pub fn emit(&self, pick: usize, path: &Path) -> Result<(), Error> {
        let Some(judged) = pick.checked_sub(1).and_then(|at| self.found.get(at)) else {
            let most = self.found.len();
            return Err(Error::Unfit(format!("there is no number {pick} in the table; choose 1 to {most}")));
        };
        let config = Config { name: format!("{}-explored", self.order.board), ..judged.config.clone() };
        whole::write(path, crate::schema(&config)).map_err(Error::io("write", path))
    }
}
