//! The binary starts. That this test exists makes cargo build the binary before any test runs; the
//! tests of the command line, in another package, need it. They know nothing of how it is built.

use std::process::Command;

#[test]
fn the_binary_tells_its_version() {
    let output = Command::new(env!("CARGO_BIN_EXE_ackproof")).arg("--version").output();
    let output = output.expect("the binary starts");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(said, concat!("ackproof ", env!("CARGO_PKG_VERSION"), "\n"));
    assert!(output.status.success(), "{:?}", output.status);
}
