//! A minute of counts as one small picture, drawn by the server.

use history::Pulse;
use maud::{Markup, html};
use std::fmt::Write;

const WIDTH: u64 = 240;
const HEIGHT: u64 = 44;

/// Settled payments a second as an area, rejected ones as ticks at the foot. Scaled to the highest second.
pub(crate) fn sparkline(pulses: &[Pulse], label: &str) -> Markup {
    let top = pulses.iter().map(|pulse| pulse.settled).max().unwrap_or(0).max(1);
    let steps = (pulses.len() as u64).saturating_sub(1).max(1);
    let x = |at: usize| at as u64 * WIDTH / steps;
    let y = |count: u64| HEIGHT - 2 - count * (HEIGHT - 6) / top;
    let mut line = String::new();
    for (at, pulse) in pulses.iter().enumerate() {
        let _ = write!(line, "{}{},{}", if at == 0 { "M" } else { " L" }, x(at), y(pulse.settled));
    }
    let area = format!("{line} L{WIDTH},{HEIGHT} L0,{HEIGHT} Z");
    html! {
        svg.spark viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none" role="img" aria-label=(label) {
            @if !pulses.is_empty() {
                path.area d=(area) {}
                path.line d=(line) {}
            }
            @for (at, pulse) in pulses.iter().enumerate().filter(|(_, pulse)| pulse.rejected > 0) {
                rect.tick x=(x(at).min(WIDTH - 2)) y=(HEIGHT - 5) width="2" height=(5.min(2 + pulse.rejected)) {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_in_its_frame() {
        for counts in [vec![], vec![0], vec![0, 0], vec![5, 0, 9_000_000], vec![1; 60]] {
            let pulses: Vec<_> = counts.iter().map(|&settled| Pulse { settled, rejected: settled, ..Pulse::default() }).collect();
            let svg = sparkline(&pulses, "x").into_string();
            let numbers = svg.split("d=\"").nth(2).unwrap_or("").split('"').next().unwrap_or("").replace(['M', 'L'], "");
            for pair in numbers.split_whitespace() {
                let (x, y) = pair.split_once(',').unwrap();
                assert!(x.parse::<u64>().unwrap() <= WIDTH && y.parse::<u64>().unwrap() <= HEIGHT, "{svg}");
            }
        }
    }
}
