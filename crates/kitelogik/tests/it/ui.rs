//! What compiles, and what the compiler says of what does not.

#[test]
fn what_a_tool_cannot_be_is_refused_with_what_to_write_instead() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
