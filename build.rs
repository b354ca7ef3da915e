//! Compiles the screens in `ui/` into Rust, with their translations from `lang/`: the build script of the crate in `ui/`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The style only dresses the one list that comes from Slint; named, it does not hang on the machine that builds.
    let config = slint_build::CompilerConfiguration::new()
        .with_style("fluent".into())
        .with_bundled_translations("../lang")
        // What the control socket's finger, and so a played visit, finds elements by: in a release as well.
        .with_debug_info(true);
    slint_build::compile_with_config("app_window.slint", config)?;
    Ok(())
}
