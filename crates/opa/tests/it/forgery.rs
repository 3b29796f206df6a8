//! Nothing but the gate makes a permit: each way to forge one does not compile.

#[test]
fn a_permit_cannot_be_forged() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
