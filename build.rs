//! Compiles the screens in `ui/` into Rust, with their translations from `lang/`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Debug information gives the tests ids and type names to find elements by; a release needs none.
    let release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    println!("cargo:rerun-if-changed=lang");
    // The style only dresses the one list that comes from Slint; named, it does not hang on the machine that builds.
    let config = slint_build::CompilerConfiguration::new()
        .with_style("fluent".into())
        .with_bundled_translations("lang")
        .with_debug_info(!release);
    slint_build::compile_with_config("ui/app_window.slint", config)?;
    Ok(())
}
