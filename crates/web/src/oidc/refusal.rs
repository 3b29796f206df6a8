//! Why somebody did not get in by a provider.

use std::fmt;

use axum::http::StatusCode;

use crate::secret::NoRandomness;
use crate::shown::Text;

/// How much is shown of what a provider says, in characters.
const MAX_SHOWN: usize = 200;

/// Why there is no session.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The sign-in is not of this browser, was ended before, or is too old.
    NotBegun,
    /// The provider sent the browser back with an error.
    Refused(String),
    /// The provider does not answer, or not as one.
    Provider(String),
    /// The ID token proves nothing.
    Unproven(String),
    /// This claim has no name.
    Nameless(String),
    /// Who is signed in there, but may not here.
    Stranger(String),
    /// Too many sign in at once.
    Busy,
    Random(NoRandomness),
}

impl Refusal {
    /// What a provider said, cut.
    pub(super) fn cut(text: &str) -> String {
        let text = Text::cut_at(MAX_SHOWN, text);
        if text.cut == 0 {
            text.shown
        } else {
            format!("{}… ({} more characters)", text.shown, text.cut)
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NotBegun | Self::Refused(_) | Self::Nameless(_) | Self::Stranger(_) => {
                StatusCode::FORBIDDEN
            }
            Self::Provider(_) | Self::Unproven(_) => StatusCode::BAD_GATEWAY,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Random(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<NoRandomness> for Refusal {
    fn from(error: NoRandomness) -> Self {
        Self::Random(error)
    }
}

/// As a page tells it.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBegun => f.write_str(
                "This sign-in was not begun in this browser, has ended already, or took too long. Begin anew.",
            ),
            Self::Refused(said) => write!(f, "The provider refused: {said}"),
            Self::Provider(problem) => write!(f, "The provider does not answer as it should: {problem}"),
            Self::Unproven(problem) => write!(f, "The provider's answer proves nothing: {problem}"),
            Self::Nameless(claim) => write!(
                f,
                "The provider says nothing to name you by in “{claim}”{}.",
                if claim.trim_start_matches('/') == "email" { ", or has not verified it" } else { "" }
            ),
            Self::Stranger(name) => write!(f, "{name} is not among those who may sign in here."),
            Self::Busy => f.write_str("Too many people sign in at once. Try again in a moment."),
            Self::Random(error) => error.fmt(f),
        }
    }
}
