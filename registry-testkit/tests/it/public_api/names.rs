//! What a path names, as the compiler would find it.

use syn::{Attribute, Ident, Item, Path, Type, Visibility};

use super::modules::{Import, Modules, join};

/// The most imports that a name may go through.
const MOST_IMPORTS: usize = 20;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Named {
    Module(String),
    /// An item of this crate, by its module and its name.
    Item(String, String),
    /// Another crate's, or the language's.
    Foreign,
}

/// Follows `path`, which stands in `module`.
pub(super) fn resolve(modules: &Modules, module: &str, path: &[String]) -> Named {
    follow(modules, module, path, MOST_IMPORTS)
}

fn follow(modules: &Modules, module: &str, path: &[String], imports_left: usize) -> Named {
    let mut current = module.to_owned();
    for (place, name) in path.iter().enumerate() {
        let is_last = place + 1 == path.len();
        match name.as_str() {
            "crate" => current = String::new(),
            "self" => {}
            "super" => {
                current = current.rsplit_once("::").map_or_else(String::new, |(above, _)| above.to_owned());
            }
            name => match named_in(modules, &current, name, imports_left) {
                Named::Module(found) => current = found,
                Named::Item(owner, item) if is_last => return Named::Item(owner, item),
                // A variant or an associated item: of no interest here.
                Named::Item(..) | Named::Foreign => return Named::Foreign,
            },
        }
    }
    Named::Module(current)
}

fn named_in(modules: &Modules, module: &str, name: &str, imports_left: usize) -> Named {
    let child = join(module, name);
    if modules.contains_key(&child) {
        return Named::Module(child);
    }
    let here = &modules[module];
    if here.items.iter().filter_map(parts).any(|(_, _, found)| found == name) {
        return Named::Item(module.to_owned(), name.to_owned());
    }
    let import: Option<&Import> = here.imports.iter().find(|import| import.name == name);
    match import {
        Some(import) if imports_left > 0 && import.target != [name] => {
            follow(modules, module, &import.target, imports_left - 1)
        }
        _ => Named::Foreign,
    }
}

/// Follows a path of the syntax tree.
pub(super) fn resolve_path(modules: &Modules, module: &str, path: &Path) -> Named {
    let path: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    resolve(modules, module, &path)
}

/// Follows the name of a type, also behind a reference.
pub(super) fn resolve_type(modules: &Modules, module: &str, target: &Type) -> Named {
    match target {
        Type::Path(path) if path.qself.is_none() => resolve_path(modules, module, &path.path),
        Type::Reference(reference) => resolve_type(modules, module, &reference.elem),
        _ => Named::Foreign,
    }
}

/// An item that has a name: its attributes, who sees it, and its name.
pub(super) fn parts(item: &Item) -> Option<(&[Attribute], &Visibility, &Ident)> {
    Some(match item {
        Item::Const(item) => (&item.attrs, &item.vis, &item.ident),
        Item::Enum(item) => (&item.attrs, &item.vis, &item.ident),
        Item::Fn(item) => (&item.attrs, &item.vis, &item.sig.ident),
        Item::Static(item) => (&item.attrs, &item.vis, &item.ident),
        Item::Struct(item) => (&item.attrs, &item.vis, &item.ident),
        Item::Trait(item) => (&item.attrs, &item.vis, &item.ident),
        Item::Type(item) => (&item.attrs, &item.vis, &item.ident),
        Item::Union(item) => (&item.attrs, &item.vis, &item.ident),
        _ => return None,
    })
}
