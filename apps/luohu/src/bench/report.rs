//! What a run came to, and what the machine was like at that moment.

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

/// A finished run.
pub struct Report {
    pub payments: u64,
    pub in_flight: usize,
    pub rate: Option<u32>,
    pub seconds: f64,
    /// User and system time of the whole process: system, both banks' ends and load.
    pub cpu_seconds: f64,
    pub blocks: u64,
    /// Microseconds from sending a payment to its final pacs.002.
    pub latencies: Histogram<u64>,
    pub sync_p50_us: u64,
    pub sync_p99_us: u64,
    /// Both banks and the centre agree to the cent.
    pub agrees: bool,
}

const QUANTILES: [(&str, f64); 6] = [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

impl Report {
    fn per_second(&self) -> f64 {
        self.payments as f64 / self.seconds
    }

    pub fn print_table(&self) {
        let pace = self.rate.map_or("as fast as it goes".to_owned(), |rate| format!("{rate} a second"));
        println!("payments              {} ({} in flight, {pace})", self.payments, self.in_flight);
        println!("payments a second     {:.0}", self.per_second());
        println!(
            "CPU per payment       {:.0} µs (system, both banks' ends and load together)",
            self.cpu_seconds * 1e6 / self.payments as f64
        );
        println!("payments a block      {:.1}", self.payments as f64 / self.blocks.max(1) as f64);
        println!("fdatasync 4 KiB       p50 {} µs, p99 {} µs", self.sync_p50_us, self.sync_p99_us);
        println!("from pacs.008 sent to final pacs.002 verified:");
        for (name, quantile) in QUANTILES {
            println!("  {name:<6} {:>10.2} ms", self.latencies.value_at_quantile(quantile) as f64 / 1e3);
        }
        println!("banks and centre agree to the cent: {}", if self.agrees { "yes" } else { "NO" });
    }

    pub fn print_json(&self) {
        let latencies: serde_json::Map<String, serde_json::Value> = QUANTILES
            .iter()
            .map(|(name, quantile)| ((*name).to_owned(), (self.latencies.value_at_quantile(*quantile) as f64 / 1e3).into()))
            .collect();
        let value = serde_json::json!({
            "payments": self.payments, "in_flight": self.in_flight, "rate": self.rate, "seconds": self.seconds,
            "payments_per_second": self.per_second(), "cpu_us_per_payment": self.cpu_seconds * 1e6 / self.payments as f64,
            "blocks": self.blocks, "fdatasync_p50_us": self.sync_p50_us, "fdatasync_p99_us": self.sync_p99_us,
            "latency_ms": latencies, "agrees": self.agrees,
        });
        println!("{value}");
    }
}

/// User and system seconds of this process so far.
pub fn cpu_seconds() -> f64 {
    // Fields 14 and 15 of stat, in ticks of 10 ms; the name before them may hold blanks but ends in a parenthesis.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// p50 and p99 of a 4 KiB write with its sync into a pre-written file in `folder`, in microseconds.
pub fn fdatasync(folder: &Path) -> Result<(u64, u64)> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let path = folder.join("probe.tmp");
    let file = File::options().create(true).truncate(true).write(true).open(&path)?;
    file.write_all_at(&vec![0; 4 << 20], 0)?;
    file.sync_all()?;
    let mut times = Vec::with_capacity(500);
    for n in 0..500u64 {
        let begun = Instant::now();
        file.write_all_at(&[1; 4096], n % 1024 * 4096)?;
        file.sync_data()?;
        times.push(u64::try_from(begun.elapsed().as_micros())?);
    }
    std::fs::remove_file(&path)?;
    times.sort_unstable();
    Ok((times[times.len() / 2], times[times.len() * 99 / 100]))
}
