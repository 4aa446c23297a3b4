//! Processor time and memory, written as Kubernetes quantities. Knows nothing of who uses them.
//!
//! Source: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>. Start at [`MilliCpu`].

use super::number::{Number, Rounding, unknown_unit};
use super::unit_value;
use std::fmt;
use std::str::FromStr;

/// Processor capacity [thousandths of a virtual CPU].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MilliCpu(u32);

impl MilliCpu {
    /// From thousandths of a CPU.
    pub const fn from_milli(milli: u32) -> Self {
        MilliCpu(milli)
    }

    /// Thousandths of a CPU.
    pub const fn as_milli(self) -> u32 {
        self.0
    }

    /// CPUs.
    pub fn as_cpus_f64(self) -> f64 {
        f64::from(self.0) / 1e3
    }
}

unit_value!(MilliCpu, "CPUs such as `250m`, `0.5` or `2`", MilliCpu(0));

/// A Kubernetes quantity, rounded up to whole thousandths as the API server does.
impl FromStr for MilliCpu {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = Number::split(text)?;
        let (numerator, denominator) = match unit {
            "n" => (1, 1_000_000),
            "u" => (1, 1_000),
            "m" => (1, 1),
            "" => (1_000, 1),
            "k" => (1_000_000, 1),
            _ => return Err(unknown_unit(unit)),
        };
        let milli = number.scaled(numerator, denominator, Rounding::Up)?;
        u32::try_from(milli).map(MilliCpu).map_err(|_| "which is too large".to_owned())
    }
}

impl fmt::Display for MilliCpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1_000) { write!(f, "{}", self.0 / 1_000) } else { write!(f, "{}m", self.0) }
    }
}

/// An amount of memory or data [bytes].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(u64);

/// Suffixes without the `B` that may follow, largest binary first, and their bytes.
const BYTE_UNITS: [(&str, u64); 11] = [
    ("Pi", 1 << 50),
    ("Ti", 1 << 40),
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("Ki", 1 << 10),
    ("P", 1_000_000_000_000_000),
    ("T", 1_000_000_000_000),
    ("G", 1_000_000_000),
    ("M", 1_000_000),
    ("K", 1_000),
    ("k", 1_000),
];

impl Bytes {
    /// From bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Bytes(bytes)
    }

    /// From GiB of 2^30 bytes, saturating.
    pub const fn from_gib(gib: u64) -> Self {
        Bytes(gib.saturating_mul(1 << 30))
    }

    /// Bytes.
    pub const fn as_bytes(self) -> u64 {
        self.0
    }

    /// GiB of 2^30 bytes.
    pub fn as_gib_f64(self) -> f64 {
        self.0 as f64 / (1u64 << 30) as f64
    }
}

unit_value!(Bytes, "bytes such as `4GiB`, `512Mi` or `100MB`", Bytes(0));

/// Bytes of a unit, with or without its `B`.
pub(super) fn byte_unit(unit: &str) -> Option<u64> {
    let prefix = unit.strip_suffix('B').unwrap_or(unit);
    let known = BYTE_UNITS.iter().find(|(name, _)| *name == prefix).map(|&(_, factor)| factor);
    known.or((unit == "B").then_some(1))
}

/// A Kubernetes quantity with or without `B`, rounded up to whole bytes; a unit is required.
impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = Number::split(text)?;
        if unit == "m" {
            return Err(
                "whose unit `m` is a thousandth of a byte in Kubernetes; `M` or `Mi` was meant?".to_owned()
            );
        }
        let factor = byte_unit(unit).ok_or_else(|| unknown_unit(unit))?;
        number.scaled(factor, 1, Rounding::Up).map(Bytes)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = BYTE_UNITS.iter().find(|(_, factor)| self.0 > 0 && self.0.is_multiple_of(*factor));
        match unit {
            Some((name, factor)) => write!(f, "{}{name}B", self.0 / factor),
            None => write!(f, "{}B", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_cpu(text: &str, expected: Result<u32, &str>) {
        let cpu = text.parse::<MilliCpu>().map(MilliCpu::as_milli);
        assert_eq!(cpu, expected.map_err(str::to_owned), "{text}");
    }

    fn check_bytes(text: &str, expected: Result<u64, &str>) {
        let bytes = text.parse::<Bytes>().map(Bytes::as_bytes);
        assert_eq!(bytes, expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn processors_follow_the_kubernetes_quantity_rules() {
        check_cpu("250m", Ok(250));
        check_cpu("2", Ok(2_000));
        check_cpu("0.5", Ok(500));
        check_cpu("1.5", Ok(1_500));
        check_cpu("1e1", Ok(10_000));
        check_cpu("1k", Ok(1_000_000));
        // Finer than a thousandth is rounded up.
        check_cpu("0.0001", Ok(1));
        check_cpu("100000001n", Ok(101));
        check_cpu("2 cores", Err("whose unit `cores` is unknown"));
        check_cpu("-1", Err("which is negative"));
        check_cpu("5000k", Err("which is too large"));
    }

    #[test]
    fn memory_follows_the_kubernetes_quantity_rules_and_needs_a_unit() {
        check_bytes("4GiB", Ok(4 << 30));
        check_bytes("512Mi", Ok(512 << 20));
        check_bytes("1.5G", Ok(1_500_000_000));
        check_bytes("100MB", Ok(100_000_000));
        check_bytes("64 kB", Ok(64_000));
        check_bytes("123B", Ok(123));
        check_bytes("0.1Ki", Ok(103));
        check_bytes("4", Err("which has no unit"));
        check_bytes("4GIB", Err("whose unit `GIB` is unknown"));
        check_bytes("99999PiB", Err("which is too large"));
        assert!("400m".parse::<Bytes>().is_err());
    }

    #[test]
    fn resources_print_in_the_largest_exact_unit() {
        assert_eq!(MilliCpu(2_000).to_string(), "2");
        assert_eq!(MilliCpu(250).to_string(), "250m");
        assert_eq!(Bytes(4 << 30).to_string(), "4GiB");
        assert_eq!(Bytes(100_000_000).to_string(), "100MB");
        assert_eq!(Bytes(0).to_string(), "0B");
    }
}
