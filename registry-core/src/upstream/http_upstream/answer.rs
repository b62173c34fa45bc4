use reqwest::{Response, StatusCode};

use super::HttpUpstream;
use super::failure::Failed;
use super::question::Question;

/// The meaning of a status.
#[derive(Debug)]
pub(super) enum Answer {
    Found(Response),
    Unchanged,
    Missing,
}

impl HttpUpstream {
    /// Sends the request once and interprets the status of the answer.
    pub(super) async fn ask(&self, question: &Question) -> Result<Answer, Failed> {
        self.read_status(question, self.send(question).await?.response)
    }

    /// Like [`Self::ask`], for endpoints that some registries lack. Some of these answer with 405 or 501.
    pub(super) async fn ask_for_extra(&self, question: &Question) -> Result<Answer, Failed> {
        let response = self.send(question).await?.response;
        match response.status() {
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => Ok(Answer::Missing),
            _ => self.read_status(question, response),
        }
    }

    pub(super) fn read_status(&self, question: &Question, response: Response) -> Result<Answer, Failed> {
        match response.status() {
            StatusCode::OK => Ok(Answer::Found(response)),
            StatusCode::NOT_MODIFIED if question.is_conditional() => Ok(Answer::Unchanged),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(Answer::Missing),
            status @ (StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) => {
                Err(Failed::status(status, response.headers()))
            }
            StatusCode::LOOP_DETECTED => Err(self.loops().into()),
            status if status.is_server_error() => Err(Failed::status(status, response.headers())),
            status if status.is_client_error() => Err(self.refused(status).into()),
            status => Err(self.unusable(format!("an answer with status {}", status.as_u16())).into()),
        }
    }
}
