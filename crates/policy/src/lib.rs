//! Policies for Kite Logik: the built-in bundle, loading and composing Rego and data
