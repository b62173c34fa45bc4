use serde::Deserialize;

use crate::domain::provenance::{ProvenanceError, package_url};

use super::verify::ProvenanceSubject;

/// The kinds of statements that are provenance.
const PREDICATES: [&str; 2] = ["https://slsa.dev/provenance/v0.2", "https://slsa.dev/provenance/v1"];
const STATEMENTS: [&str; 2] = ["https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"];

/// An in-toto statement, as far as it names what it is about.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    pub(super) predicate_type: String,
}

#[derive(Debug, Deserialize)]
struct Subject {
    name: String,
    digest: SubjectDigest,
}

#[derive(Debug, Deserialize)]
struct SubjectDigest {
    sha512: String,
}

impl Statement {
    pub(super) fn parse(payload: &[u8]) -> Result<Self, ProvenanceError> {
        let statement: Self =
            serde_json::from_slice(payload).map_err(|error| ProvenanceError::malformed(error.to_string()))?;
        if !STATEMENTS.contains(&statement.kind.as_str()) {
            return Err(ProvenanceError::malformed("its payload is not an in-toto statement"));
        }
        if !PREDICATES.contains(&statement.predicate_type.as_str()) {
            return Err(ProvenanceError::Predicate { found: statement.predicate_type });
        }
        Ok(statement)
    }

    /// Rejects a statement about anything else than this tarball under this name and version.
    pub(super) fn require_subject(&self, subject: ProvenanceSubject<'_>) -> Result<(), ProvenanceError> {
        let [only] = &self.subject[..] else {
            return Err(ProvenanceError::malformed("its statement is not about exactly one package"));
        };
        let expected = package_url(subject.name, subject.version);
        if only.name != expected {
            return Err(ProvenanceError::Subject { found: only.name.clone(), expected });
        }
        let digest = const_hex::encode(subject.integrity.sha512());
        if only.digest.sha512 == digest { Ok(()) } else { Err(ProvenanceError::Digest) }
    }
}
