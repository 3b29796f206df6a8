//! Tools by name that run only with the gate's permit, and the sanitiser of their results
