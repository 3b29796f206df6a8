//! An agent that helps a nurse with patient records.

use kitelogik::prelude::*;

/// Read a patient's record.
#[governed]
async fn read_record(patient_id: String, purpose: String) -> String {
    format!("{patient_id}: no known allergies (read for {purpose})")
}

/// Add a note to a patient's record.
#[governed]
async fn write_note(patient_id: String, text: String) -> String {
    format!("noted for {patient_id}: {text}")
}

/// Export records to a file.
#[governed]
async fn export_records(patient_id: String) -> String {
    format!("exported {patient_id}")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gate = PolicyGate::new(Embedded::load("policies")?);
    let session = gate.session(
        SessionContext::new("first_session")
            .role("nurse")
            .scopes(["patient:p_001"]),
    );
    let tools = Toolbox::builder()
        .tool(read_record)
        .tool(write_note)
        .tool(export_records)
        .build()?;
    let tools = tools.for_session(&session);

    // What a model asks for. With a real one, these are the tool calls of its answer, and what is printed here goes back
    // to it.
    let calls = [
        (
            "read_record",
            r#"{"patient_id": "p_001", "purpose": "treatment"}"#,
        ),
        (
            "read_record",
            r#"{"patient_id": "p_002", "purpose": "treatment"}"#,
        ),
        (
            "write_note",
            r#"{"patient_id": "p_001", "text": "feels better"}"#,
        ),
        ("export_records", r#"{"patient_id": "p_001"}"#),
    ];
    for (name, arguments) in calls {
        match tools.call_json(name, arguments).await {
            Ok(output) => println!("{}", output.text),
            Err(error) => println!("{}", error.model_text()),
        }
    }
    Ok(())
}
