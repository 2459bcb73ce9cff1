//! The report as one HTML page: drawings in SVG, no scripts, nothing from elsewhere.

use crate::bench::report::{Operation, Report};
use std::fmt::Write;

/// Colours of operations, causes and ports, in order.
const COLOURS: [&str; 8] =
    ["#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#a463f2", "#97bbf5", "#9c6b4e"];
/// Width of a drawing.
const WIDTH: f64 = 860.0;
/// Room to the left of a drawing for names.
const LEFT: f64 = 190.0;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2em auto;padding:0 1em;color:#222}\
h1{font-size:1.5em}h2{margin-top:2em;border-bottom:1px solid #ccc}table{border-collapse:collapse}\
td,th{padding:.2em .8em;text-align:left;border-bottom:1px solid #eee}td.n{text-align:right;font-variant-numeric:tabular-nums}\
svg{display:block;margin:.6em 0}svg text{font:12px system-ui,sans-serif;fill:#222}p.note{color:#555}";

/// The page of some reports.
pub fn page(reports: &[Report]) -> String {
    let title =
        reports.first().map_or("Sterna".into(), |r| format!("{} on {}", escape(&r.shape), escape(&r.preset)));
    let mut text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style>\n<h1>{title}</h1>\n\
         <p class=\"note\">Cycles are those of the generated Verilog, simulated; seconds are cycles at the preset's clock.</p>\n"
    );
    text += &summary(reports);
    for report in reports {
        let _ = write!(text, "<h2>{}</h2>\n{}", escape(&report.test), one(report));
    }
    text + "</html>\n"
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn summary(reports: &[Report]) -> String {
    let mut text = String::from(
        "<table><tr><th>test<th>layers<th>clock<th>tokens/s<th>cycles a token<th>bytes a token<th>share of the memory's ceiling\n",
    );
    for r in reports {
        let bytes: u64 = r.bytes.values().sum();
        let tokens = r.tokens.max(1) as u64;
        let _ = writeln!(
            text,
            "<tr><td>{}<td class=n>{}<td class=n>{} MHz<td class=n>{:.2}<td class=n>{}<td class=n>{}<td class=n>{:.1} %",
            escape(&r.test),
            r.layers,
            r.clock_mhz,
            r.tokens_per_second,
            thousands(r.cycles / tokens),
            thousands(bytes / tokens),
            100.0 * r.memory_utilization
        );
    }
    text + "</table>\n"
}

/// A number with thin spaces between thousands.
fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{2009}');
        }
        text.push(digit);
    }
    text
}

fn one(r: &Report) -> String {
    let names: Vec<&str> = r.operations.iter().map(|of| of.name.as_str()).collect();
    let bar = |name: &str, values: &[u64]| (name.to_string(), values.to_vec());
    let parts: Vec<_> = r.parts.iter().map(|part| bar(&part.name, &part.cycles)).collect();
    let causes: Vec<_> = sorted(&r.causes).into_iter().map(|(name, n)| bar(&name, &[n])).collect();
    let bytes: Vec<_> = sorted(&r.bytes).into_iter().map(|(name, n)| bar(&name, &[n])).collect();
    format!(
        "{}<h3>What limits each operation</h3>\n{}<h3>Cycles by part of the model</h3>\n{}{}<h3>Cycles by cause</h3>\n{}<h3>Bytes moved</h3>\n{}\
         <h3>Ports over time</h3>\n{}",
        roofline(r),
        operations(r),
        legend(&names),
        bars(&parts, "cycles"),
        bars(&causes, "cycles"),
        bars(&bytes, "bytes"),
        ports(r)
    )
}

/// Entries that are not zero, largest first.
fn sorted(of: &std::collections::BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut all: Vec<_> = of.iter().filter(|(_, n)| **n > 0).map(|(name, n)| (name.clone(), *n)).collect();
    all.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    all
}

fn operations(r: &Report) -> String {
    let mut text =
        String::from("<table><tr><th>operation<th>instructions<th>cycles<th>share<th>limited by\n");
    for Operation { name, instructions, cycles, limit, .. } in &r.operations {
        let share = 100.0 * *cycles as f64 / r.cycles.max(1) as f64;
        let _ = writeln!(
            text,
            "<tr><td>{name}<td class=n>{instructions}<td class=n>{}<td class=n>{share:.1} %<td>{}",
            thousands(*cycles),
            escape(limit)
        );
    }
    text + "</table>\n"
}

fn legend(names: &[&str]) -> String {
    let mut text = format!("<svg width=\"{WIDTH}\" height=\"18\">");
    for (i, name) in names.iter().enumerate() {
        let (x, colour) = (LEFT + 100.0 * i as f64, COLOURS[i % COLOURS.len()]);
        let _ = write!(
            text,
            "<rect x=\"{x}\" y=\"3\" width=\"12\" height=\"12\" fill=\"{colour}\"/><text x=\"{}\" y=\"13\">{}</text>",
            x + 16.0,
            escape(name)
        );
    }
    text + "</svg>\n"
}

/// Horizontal bars, each of several parts.
fn bars(rows: &[(String, Vec<u64>)], unit: &str) -> String {
    let most = rows.iter().map(|(_, parts)| parts.iter().sum::<u64>()).max().unwrap_or(0).max(1) as f64;
    let (height, room) = (18.0, WIDTH - LEFT - 110.0);
    let mut text = format!("<svg width=\"{WIDTH}\" height=\"{}\">", height * rows.len() as f64);
    for (i, (name, parts)) in rows.iter().enumerate() {
        let (y, mut x) = (height * i as f64, LEFT);
        let _ = write!(
            text,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 13.0,
            escape(name)
        );
        for (k, part) in parts.iter().enumerate().filter(|(_, part)| **part > 0) {
            let width = room * *part as f64 / most;
            let colour = COLOURS[k % COLOURS.len()];
            let _ = write!(
                text,
                "<rect x=\"{x:.1}\" y=\"{}\" width=\"{width:.1}\" height=\"13\" fill=\"{colour}\"><title>{} {unit}</title></rect>",
                y + 2.0,
                thousands(*part)
            );
            x += width;
        }
        let sum = thousands(parts.iter().sum());
        let _ = write!(text, "<text x=\"{:.1}\" y=\"{}\">{sum}</text>", x + 6.0, y + 13.0);
    }
    text + "</svg>\n"
}

/// Multiply-adds a second over multiply-adds a byte, both logarithmic.
fn roofline(r: &Report) -> String {
    let (height, line) = (260.0, &r.roofline);
    let ridge = line.compute / line.memory;
    let (low, high) = ((ridge.min(line.intensity) / 8.0).max(1e-3), ridge.max(line.intensity) * 8.0);
    let (floor, top) = (line.memory * low, line.compute * 2.0);
    let scale = |v: f64, from: f64, to: f64| (v.max(from) / from).ln() / (to / from).ln();
    let x = |v: f64| LEFT + (WIDTH - LEFT - 40.0) * scale(v, low, high);
    let y = |v: f64| height - 30.0 - (height - 50.0) * scale(v, floor, top);
    let (rx, ry, px, py) = (x(ridge), y(line.compute), x(line.intensity), y(line.reached));
    format!(
        "<h3>Roofline</h3>\n<svg width=\"{WIDTH}\" height=\"{height}\">\
         <polyline points=\"{:.1},{:.1} {rx:.1},{ry:.1} {:.1},{ry:.1}\" fill=\"none\" stroke=\"#222\" stroke-width=\"2\"/>\
         <circle cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"6\" fill=\"{}\"/>\
         <text x=\"{:.1}\" y=\"{:.1}\">{:.1} G multiply-adds/s, {:.2} for each byte</text>\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">engine: {:.0} G multiply-adds/s</text>\
         <text x=\"{LEFT}\" y=\"{}\">memory: {:.1} GB/s</text></svg>\n",
        x(low),
        y(line.memory * low),
        x(high),
        COLOURS[2],
        px + 10.0,
        py + 16.0,
        line.reached / 1e9,
        line.intensity,
        x(high),
        ry - 6.0,
        line.compute / 1e9,
        height - 8.0,
        line.memory / 1e9
    )
}

/// Bytes a cycle that each port carried, one above the other, and the ceiling.
fn ports(r: &Report) -> String {
    let (height, count) = (220.0, r.ports.read.len());
    if count == 0 || r.ports.window == 0 {
        return "<p class=\"note\">The test is shorter than one window.</p>\n".into();
    }
    let ports = r.ports.read[0].len();
    let rate = |bytes: u64| bytes as f64 / r.ports.window as f64;
    let top = 1.15 * r.ceiling_bytes;
    let x = |i: usize| LEFT + (WIDTH - LEFT - 20.0) * i as f64 / count as f64;
    let y = |v: f64| height - 25.0 - (height - 40.0) * (v / top).min(1.0);
    let mut text = format!("<svg width=\"{WIDTH}\" height=\"{height}\">");
    let mut below = vec![0.0; count];
    for port in 0..ports {
        let (mut upper, mut lower) = (String::new(), Vec::new());
        for (i, below) in below.iter_mut().enumerate() {
            let now = *below + rate(r.ports.read[i][port] + r.ports.written[i][port]);
            let _ = write!(upper, "{:.1},{:.1} {:.1},{:.1} ", x(i), y(now), x(i + 1), y(now));
            lower.push(format!("{:.1},{:.1} {:.1},{:.1}", x(i + 1), y(*below), x(i), y(*below)));
            *below = now;
        }
        lower.reverse();
        let colour = COLOURS[port % COLOURS.len()];
        let _ = write!(text, "<polygon points=\"{upper}{}\" fill=\"{colour}\"/>", lower.join(" "));
    }
    let ceiling = y(r.ceiling_bytes);
    let _ = writeln!(
        text,
        "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{ceiling:.1}\" y2=\"{ceiling:.1}\" stroke=\"#222\" stroke-dasharray=\"4 3\"/>\
         <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">ceiling, {:.1} bytes a cycle</text>\
         <text x=\"{LEFT}\" y=\"{}\">{} cycles in windows of {}; a colour for each port</text></svg>",
        WIDTH - 20.0,
        LEFT - 6.0,
        ceiling + 4.0,
        r.ceiling_bytes,
        height - 6.0,
        thousands(r.ports.window * count as u64),
        thousands(r.ports.window)
    );
    text
}
