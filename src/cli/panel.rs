//! The panel.
use super::Failure;
use super::args::{Common, Look};
pub(super) fn run(common: &Common, look: &Look, simulate: bool) -> Result<(), Failure> {
    super::logging::start(&common.log)?;
    let _ = (look, simulate);
    Ok(())
}
