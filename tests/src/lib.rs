//! Behaviour tests of goconc, through its public API only. The tests are in `tests/`; what they share with the programs in
//! `src/bin/` is here.

pub mod stress;
pub mod watchdog;
