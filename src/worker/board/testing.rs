//! A tree of files in the place of the kernel's.

use std::path::Path;

/// A folder in the place of `/sys`; it goes with the test.
pub struct Tree(tempfile::TempDir);

impl Tree {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    pub fn root(&self) -> &Path {
        self.0.path()
    }

    /// Puts a file there, with the folders that it needs.
    pub fn put(&self, name: &str, text: &str) {
        let file = self.root().join(name);
        std::fs::create_dir_all(file.parent().expect("it is in a folder")).expect("a folder");
        std::fs::write(file, text).expect("written");
    }

    /// What stands in a file, without its line end.
    pub fn get(&self, name: &str) -> String {
        std::fs::read_to_string(self.root().join(name)).expect("it is there").trim().to_owned()
    }
}
