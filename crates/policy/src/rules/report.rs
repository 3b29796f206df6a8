//! What is found in a file, gathered so that one run tells all of it.

use std::collections::HashMap;

use super::pattern::{self, Pattern};
use super::yaml::Place;
use crate::error::Problem;

/// The errors and warnings of one file.
pub(crate) struct Report {
    file: String,
    pub(crate) errors: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
    /// Patterns that were read: the same few come up again and again, and reading one takes long.
    patterns: HashMap<String, Result<Pattern, String>>,
}

impl Report {
    pub(crate) fn new(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            errors: Vec::new(),
            warnings: Vec::new(),
            patterns: HashMap::new(),
        }
    }

    pub(crate) fn error(&mut self, place: Place, message: String) {
        let problem = self.problem(place, message);
        self.errors.push(problem);
    }

    pub(crate) fn warning(&mut self, place: Place, message: String) {
        let problem = self.problem(place, message);
        self.warnings.push(problem);
    }

    /// [`pattern::read`], once for each text.
    pub(crate) fn pattern(&mut self, text: &str) -> Result<Pattern, String> {
        if let Some(known) = self.patterns.get(text) {
            return known.clone();
        }
        let read = pattern::read(text);
        self.patterns.insert(text.to_owned(), read.clone());
        read
    }

    fn problem(&self, place: Place, message: String) -> Problem {
        Problem {
            module: self.file.clone(),
            line: place.line,
            column: place.column,
            message,
        }
    }
}
