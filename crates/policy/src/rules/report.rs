//! What is found in a file, gathered so that one run tells all of it.

use super::yaml::Place;
use crate::error::Problem;

/// The errors and warnings of one file.
pub(crate) struct Report {
    file: String,
    pub(crate) errors: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
}

impl Report {
    pub(crate) fn new(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            errors: Vec::new(),
            warnings: Vec::new(),
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

    fn problem(&self, place: Place, message: String) -> Problem {
        Problem {
            module: self.file.clone(),
            line: place.line,
            column: place.column,
            message,
        }
    }
}
