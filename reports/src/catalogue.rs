//! What there is to choose from, each thing with a sentence, as data.

use serde::Serialize;
use std::collections::BTreeMap;

/// A list of lists.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// In the order in which they are shown.
    pub sections: Vec<Section>,
}

/// Things of one kind.
#[derive(Clone, Debug)]
pub struct Section {
    /// `properties`, `faults`, ….
    pub title: String,
    /// The things.
    pub items: Vec<Item>,
}

/// A thing with its sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Its name, as it is typed.
    pub name: String,
    /// What it is.
    pub about: String,
}

impl Catalogue {
    /// The items by title.
    #[must_use]
    pub fn by_title(&self) -> BTreeMap<&str, &[Item]> {
        let sections = self.sections.iter();
        sections.map(|section| (section.title.as_str(), section.items.as_slice())).collect()
    }
}
