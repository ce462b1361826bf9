//! A test program run anew with little address space, where a refused allocation is an error like any other.

use std::process::Command;

/// Set in the process that has little.
const IS_LIMITED: &str = "MILLWORK_IS_LIMITED";

/// Runs this very test program anew, one test after the other, in a process that gets `mebibytes` of
/// address space. In that process nothing is done.
///
/// # Errors
/// A test fails there, or the program does not start; the text is what it said.
pub fn rerun_within(mebibytes: u64) -> Result<(), String> {
    if std::env::var_os(IS_LIMITED).is_some() {
        return Ok(());
    }
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let program = program.to_str().ok_or("a program of a strange name")?;
    let script = format!("ulimit -v {}; exec '{program}' --test-threads 1 -q", mebibytes << 10);
    let mut command = Command::new("sh");
    let output = command.args(["-c", &script]).env(IS_LIMITED, "1").output();
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let [told, failed] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    Err(format!("{told}{failed}"))
}
