//! Remembers bytes by digest and results by action key.
