//! What must not compile, and with which words. The cases are in `ui/`.
