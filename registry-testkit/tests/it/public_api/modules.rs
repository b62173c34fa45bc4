//! The modules of a crate, read from its files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item, ItemUse, Meta, UseTree, Visibility};

/// Path of a module within its crate, such as `auth::github` → the module. The root is the empty path.
pub(super) type Modules = BTreeMap<String, Module>;

#[derive(Default)]
pub(super) struct Module {
    /// Whether it and all modules around it are `pub`.
    pub(super) is_public: bool,
    /// The conditions of it and of all modules around it.
    pub(super) conditions: Vec<String>,
    pub(super) items: Vec<Item>,
    pub(super) imports: Vec<Import>,
}

/// One name that a `use` brings in.
pub(super) struct Import {
    pub(super) name: String,
    pub(super) target: Vec<String>,
    pub(super) is_public: bool,
    pub(super) conditions: Vec<String>,
}

/// Reads the library in the `src` of a crate.
pub(super) fn read(sources: &Path) -> Modules {
    let mut modules = Modules::new();
    let root = Module { is_public: true, ..Module::default() };
    add(&mut modules, "", root, parse(&sources.join("lib.rs")), sources);
    modules
}

fn parse(file: &Path) -> Vec<Item> {
    let source = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    syn::parse_file(&source).unwrap_or_else(|error| panic!("{}: {error}", file.display())).items
}

/// Adds a module whose submodules have their files in `folder`.
fn add(modules: &mut Modules, path: &str, mut module: Module, items: Vec<Item>, folder: &Path) {
    for item in items {
        match item {
            Item::Mod(item) => {
                let conditions = conditions(&item.attrs);
                if conditions.iter().any(|condition| ["test", "doctest"].contains(&condition.as_str())) {
                    continue;
                }
                let name = item.ident.to_string();
                let child = Module {
                    is_public: module.is_public && is_public(&item.vis),
                    conditions: [&module.conditions[..], &conditions].concat(),
                    ..Module::default()
                };
                let items = item.content.map_or_else(|| parse(&file_of(folder, &name)), |(_, items)| items);
                add(modules, &join(path, &name), child, items, &folder.join(&name));
            }
            Item::Use(item) => module.imports.extend(imports(&item)),
            item => module.items.push(item),
        }
    }
    modules.insert(path.to_owned(), module);
}

fn file_of(folder: &Path, name: &str) -> PathBuf {
    let file = folder.join(name).join("mod.rs");
    if file.is_file() { file } else { folder.join(format!("{name}.rs")) }
}

pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}::{name}") }
}

pub(super) fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// What stands in each `#[cfg(…)]`.
pub(super) fn conditions(attributes: &[Attribute]) -> Vec<String> {
    let lists = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => Some(&list.tokens),
        _ => None,
    });
    lists.map(|tokens| tokens.to_string().replace(" (", "(").replace(" ,", ",")).collect()
}

fn imports(item: &ItemUse) -> Vec<Import> {
    let mut found = Vec::new();
    collect(&item.tree, &[], &mut found);
    let import = |(name, target)| Import {
        name,
        target,
        is_public: is_public(&item.vis),
        conditions: conditions(&item.attrs),
    };
    found.into_iter().map(import).collect()
}

/// Finds the names of a `use` with their paths. Those of a `*` stay unknown, so a public one is named `*`.
fn collect(tree: &UseTree, before: &[String], found: &mut Vec<(String, Vec<String>)>) {
    let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
    match tree {
        UseTree::Path(path) => collect(&path.tree, &with(&path.ident), found),
        UseTree::Group(group) => group.items.iter().for_each(|tree| collect(tree, before, found)),
        UseTree::Name(name) if name.ident == "self" => {
            found.push((before.last().cloned().unwrap_or_default(), before.to_vec()));
        }
        UseTree::Name(name) => found.push((name.ident.to_string(), with(&name.ident))),
        UseTree::Rename(rename) => found.push((rename.rename.to_string(), with(&rename.ident))),
        UseTree::Glob(_) => found.push(("*".to_owned(), before.to_vec())),
    }
}
