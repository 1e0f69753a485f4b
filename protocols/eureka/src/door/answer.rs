//! The kinds of answers that the protocol has beside plain ones.

use std::sync::Arc;

use rialto_door::http::{Answer, Listing, reason};

use crate::codec::{Media, Problem, ProblemBody};

/// The recorded server's way to say what a request lacks: a bare sentence, labelled as the language
/// that the client asked for.
pub(super) fn sentence(status: u16, media: Media, sentence: String) -> Answer {
    Answer::owned(status, media.content_type(), sentence.into_bytes())
}

pub(super) fn listing(media: Media, listing: Arc<Listing>) -> Answer {
    Answer::listing(media.content_type(), listing)
}

pub(super) fn problem(status: u16, form: ProblemBody, path: &str, now_ms: u64) -> Answer {
    let body = Problem { status, reason: reason(status), path, now_ms }.write(form);
    let mut answer = Answer::owned(status, "", body);
    answer.content_type = form.content_type();
    answer
}
