//! A fingerprint of everything that happened: equal digests mean equal event traces.
//!
//! Not cryptographic, and not for hash tables: it only has to be the same on every machine and to change when
//! any event, its time or its place in the order changes.

use std::hash::{Hash, Hasher};

/// Order-sensitive 64-bit fingerprint of a sequence of hashable facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Digest(0x243f_6a88_85a3_08d3)
    }
}

impl Digest {
    /// Adds one fact to the end of the sequence.
    pub fn absorb(&mut self, fact: &impl Hash) {
        fact.hash(self);
    }

    pub fn value(&self) -> u64 {
        super::streams::mix(self.0)
    }

    fn word(&mut self, w: u64) {
        self.0 = (self.0.rotate_left(23) ^ w).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// Every integer is widened to one word, so the digest does not depend on the width of `usize` or byte order.
impl Hasher for Digest {
    fn finish(&self) -> u64 {
        self.value()
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut w = [0; 8];
            w[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(w));
        }
        self.word(bytes.len() as u64);
    }

    fn write_u8(&mut self, n: u8) {
        self.word(u64::from(n));
    }

    fn write_u16(&mut self, n: u16) {
        self.word(u64::from(n));
    }

    fn write_u32(&mut self, n: u32) {
        self.word(u64::from(n));
    }

    fn write_u64(&mut self, n: u64) {
        self.word(n);
    }

    fn write_usize(&mut self, n: usize) {
        self.word(n as u64);
    }

    fn write_isize(&mut self, n: isize) {
        self.word(n as i64 as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(facts: &[u32]) -> u64 {
        let mut d = Digest::default();
        facts.iter().for_each(|f| d.absorb(f));
        d.value()
    }

    #[test]
    fn order_and_every_fact_matter() {
        assert_eq!(of(&[1, 2, 3]), of(&[1, 2, 3]));
        assert_ne!(of(&[1, 2, 3]), of(&[1, 3, 2]));
        assert_ne!(of(&[1, 2, 3]), of(&[1, 2]));
        assert_ne!(of(&[0]), of(&[0, 0]));
    }
}
