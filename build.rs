//! Puts the catalogue of scenarios into the program: a list of its files, each by
//! its name, as `src/catalogue/mod.rs` reads it.

use std::{env, error::Error, fmt::Write, fs, path::Path};

const FOLDER: &str = "scenarios/streaming";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={FOLDER}");
    let root = env::var("CARGO_MANIFEST_DIR")?;
    let mut names = Vec::new();
    for entry in fs::read_dir(Path::new(&root).join(FOLDER))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| [".yaml", ".later", ".json"].iter().any(|end| name.ends_with(end)));
    names.sort();
    let mut list = "&[\n".to_owned();
    for name in names {
        let path = Path::new(&root).join(FOLDER).join(&name);
        writeln!(list, "    ({name:?}, include_str!({:?})),", path.display().to_string())?;
    }
    list.push_str("]\n");
    let made = Path::new(&env::var("OUT_DIR")?).join("catalogue.rs");
    // A file written anew is compiled anew.
    if fs::read_to_string(&made).unwrap_or_default() != list {
        fs::write(made, list)?;
    }
    Ok(())
}
