//! Compiles the screens in `ui/` into Rust.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    slint_build::compile("ui/app_window.slint")?;
    Ok(())
}
