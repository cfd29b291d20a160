//! Each form and what becomes of it; each mistake and what is said about it.
