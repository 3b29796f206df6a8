//! What is asked of a policy and what it decides: the types and traits of Kite Logik
