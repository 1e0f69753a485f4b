//! What the macro refuses, and where it points.

#[test]
fn errors_point_at_the_user_s_token() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
