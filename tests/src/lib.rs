//! Behaviour tests of goconc, through its public API only. The tests are in `tests/`.
