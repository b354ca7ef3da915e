//! The only room that says slint.

#[allow(missing_docs, unreachable_pub, clippy::all)]
mod generated {
    slint::include_modules!();
}
pub use generated::*;
