//! A checkout as a Tree: one stat scan, ignore rules, file ids.
