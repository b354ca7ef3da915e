//! The screens of this folder, as Slint makes Rust of them. A crate of its own, so that they are compiled once for all that is
//! built of Vestibule, and not again with each change of its code.

#![allow(missing_docs, unreachable_pub, clippy::all, clippy::todo, clippy::unwrap_used)]

slint::include_modules!();
