//! `boxherd` compares ways of running services by simulation.

pub mod catalog;
pub mod engine;
pub mod parameter;
pub mod report;
pub mod results;
pub mod world;
