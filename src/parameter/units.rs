//! The unit types of the project and how people write them: `250m`, `4GiB`, `20/s`, `35%`, `$62/h`, `14:30`.
//!
//! Every type prints a text that reads back to the same value. They know nothing of what they measure. Start at
//! [`MilliCpu`]; [`SimDuration`](crate::engine::SimDuration) is read here and defined in the engine.

mod amount;
mod calendar;
mod duration;
mod growth;
mod money;
mod number;
mod rates;
mod resources;

pub use amount::CountOrShare;
pub use calendar::{Date, EventDay, Moment, MonthDay, TimeOfDay};
pub use growth::ByteRate;
pub use money::{MicroUsd, UsdPerHour};
pub use rates::{Factor, Fraction, Rate};
pub use resources::{Bytes, MilliCpu};

pub(super) use number::Number;
pub(super) use rates::plain_or_percent;

/// Makes a type a parameter that is read by its `FromStr`, whose error continues "found `x`, …". A bare number
/// is read like its text, and so gets the error about the missing unit if it needs one.
macro_rules! unit_value {
    ($type:ty, $expected:literal, $placeholder:expr) => {
        impl $crate::parameter::ParameterValue for $type {
            const EXPECTED: &'static str = $expected;

            fn read(node: &$crate::parameter::Node) -> Result<Self, String> {
                $crate::parameter::units::read_unit(node)
            }

            fn placeholder() -> Self {
                $placeholder
            }
        }
    };
}
pub(super) use unit_value;

use super::tree::{Node, Value};
use super::value::found;
use std::str::FromStr;

pub(super) fn read_unit<T: FromStr<Err = String>>(node: &Node) -> Result<T, String> {
    let value = match &node.value {
        Value::String(text) | Value::Datetime(text) => text.trim().parse(),
        Value::Integer(integer) => integer.to_string().parse(),
        Value::Float(float) => float.to_string().parse(),
        Value::Boolean(_) | Value::Array(_) | Value::Table(_) => return Err(found(node)),
    };
    value.map_err(|why| format!("{}, {why}", found(node)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::SimDuration;
    use proptest::prelude::*;
    use std::fmt::{Debug, Display};

    fn reads_back<T: Display + Debug + PartialEq + FromStr<Err = String>>(value: T) {
        let text = value.to_string();
        assert_eq!(text.parse::<T>(), Ok(value), "{text}");
    }

    proptest! {
        #[test]
        fn what_a_unit_prints_reads_back_exactly(
            micros in 0u64..31_536_000_000_000_000, integer: u64, small: u32, float in 0.0f64..1e9, share in 0.0f64..=1.0,
            year in 1i16..9999, month in 1i8..=12, day in 1i8..=28, seconds in 0u32..86_400, percent in 0u32..=10_000,
        ) {
            reads_back(SimDuration::from_micros(micros));
            reads_back(MilliCpu::from_milli(small));
            reads_back(Bytes::from_bytes(integer));
            reads_back(Bytes::from_bytes(u64::from(small) << 20));
            reads_back(Rate::from_per_second(float));
            reads_back(Rate::from_per_second(f64::from(percent) / 31_536_000.0));
            reads_back(Fraction::new(share).expect("in range"));
            reads_back(Fraction::new(f64::from(percent) / 1e4).expect("in range"));
            reads_back(Factor::new(float).expect("in range"));
            reads_back(MicroUsd::from_micro_usd(integer));
            reads_back(UsdPerHour::from_micro_usd_per_hour(integer));
            reads_back(TimeOfDay::from_seconds(seconds).expect("within a day"));
            reads_back(Date::new(jiff::civil::date(year, month, day)));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,12}", number in "-?[0-9.e+]{0,30}[a-zA-Z/%$]{0,4}") {
            for text in [text, number] {
                let _ = (text.parse::<SimDuration>(), text.parse::<MilliCpu>(), text.parse::<Bytes>());
                let _ = (text.parse::<Rate>(), text.parse::<Fraction>(), text.parse::<Factor>());
                let _ = (text.parse::<MicroUsd>(), text.parse::<UsdPerHour>());
                let _ = (text.parse::<TimeOfDay>(), text.parse::<Date>());
            }
        }
    }
}
