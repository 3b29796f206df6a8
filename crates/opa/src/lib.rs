//! The policy gate, the session and the permit, and the engines that answer it
