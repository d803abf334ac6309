//! Links actions, describes them, plans, answers queries.
