//! What users of a crate can name: one line for each path.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Fields, GenericArgument, ImplItem, Item, ItemImpl, PathArguments};

use super::modules::{Import, Module, Modules, conditions, is_public, join};
use super::names::{Named, parts, resolve, resolve_path, resolve_type};
use super::text;

/// Module and name of an item → the paths under which users find it.
type Paths = BTreeMap<(String, String), BTreeSet<Place>>;

/// A public path, and the conditions of the way to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    path: String,
    conditions: Vec<String>,
}

/// Lists the public API of a crate, in the order of the alphabet.
pub(super) fn list(name: &str, modules: &Modules) -> String {
    let mut listing = Listing { modules, paths: Paths::new(), lines: BTreeSet::new() };
    listing.find_modules(name);
    for ((module, item), places) in listing.paths.clone() {
        for place in places {
            listing.declare(&module, &item, &place);
        }
    }
    listing.implementations();
    listing.lines.into_iter().map(|line| line + "\n").collect()
}

struct Listing<'a> {
    modules: &'a Modules,
    paths: Paths,
    lines: BTreeSet<String>,
}

impl Listing<'_> {
    /// Lists the public modules and what they re-export, and finds the paths of all items.
    fn find_modules(&mut self, crate_name: &str) {
        for (path, module) in self.modules.iter().filter(|(_, module)| module.is_public) {
            let place = join(crate_name, path).trim_end_matches("::").to_owned();
            self.add(&place, &module.conditions, "pub mod");
            self.find_items(path, module, &place);
            for import in module.imports.iter().filter(|import| import.is_public) {
                self.find_reexport(path, module, import, &place);
            }
        }
    }

    fn find_items(&mut self, path: &str, module: &Module, place: &str) {
        let named = module.items.iter().filter_map(parts);
        for (_, _, name) in named.filter(|(_, visibility, _)| is_public(visibility)) {
            let found = Place { path: join(place, &name.to_string()), conditions: Vec::new() };
            self.paths.entry((path.to_owned(), name.to_string())).or_default().insert(found);
        }
    }

    fn find_reexport(&mut self, path: &str, module: &Module, import: &Import, place: &str) {
        let conditions = [&module.conditions[..], &import.conditions].concat();
        let place = join(place, &import.name);
        match resolve(self.modules, path, &import.target) {
            // A private module keeps its items out of sight, so this is where they are found.
            Named::Item(owner, name) if !self.modules[&owner].is_public => {
                let found = Place { path: place, conditions };
                self.paths.entry((owner, name)).or_default().insert(found);
            }
            Named::Module(inner) if !self.modules[&inner].is_public => {
                panic!("{place}: a private module is re-exported whole, which this listing cannot show")
            }
            _ => {
                assert_ne!(import.name, "*", "{place}: name what is re-exported");
                self.add(&place, &conditions, &format!("pub use {}", import.target.join("::")));
            }
        }
    }

    fn declare(&mut self, module: &str, name: &str, place: &Place) {
        let outer = [&self.modules[module].conditions[..], &place.conditions].concat();
        for item in &self.modules[module].items {
            let Some((attributes, _, found)) = parts(item) else { continue };
            if found != name {
                continue;
            }
            let conditions = [&outer[..], &conditions(attributes)].concat();
            self.add(&place.path, &conditions, &text::of_item(item));
            match item {
                Item::Struct(item) => self.fields(&place.path, &conditions, &item.fields),
                Item::Enum(item) => {
                    for variant in &item.variants {
                        self.add(
                            &join(&place.path, &variant.ident.to_string()),
                            &conditions,
                            &text::of_variant(variant),
                        );
                    }
                }
                Item::Trait(item) => {
                    for (name, text) in item.items.iter().filter_map(text::of_trait_item) {
                        self.add(&join(&place.path, &name), &conditions, &text);
                    }
                }
                _ => {}
            }
        }
    }

    fn fields(&mut self, path: &str, outer: &[String], fields: &Fields) {
        for field in fields.iter().filter(|field| is_public(&field.vis)) {
            if let Some(name) = &field.ident {
                let conditions = [outer, &conditions(&field.attrs)].concat();
                self.add(&format!("{path}.{name}"), &conditions, &text::of_field(field));
            }
        }
    }

    /// Lists the methods of each public type, and the traits that it implements.
    fn implementations(&mut self) {
        for (path, module) in self.modules {
            for item in &module.items {
                if let Item::Impl(item) = item {
                    let conditions = [&module.conditions[..], &conditions(&item.attrs)].concat();
                    self.implementation(path, &conditions, item);
                }
            }
        }
    }

    fn implementation(&mut self, module: &str, outer: &[String], item: &ItemImpl) {
        let of_type = self.places(&resolve_type(self.modules, module, &item.self_ty));
        let Some((implemented, _)) = &item.trait_ else {
            for place in of_type {
                self.methods(&place.path, outer, item);
            }
            return;
        };
        let named = resolve_path(self.modules, module, implemented);
        let of_trait = self.places(&named);
        if of_trait.is_empty() && named != Named::Foreign {
            return;
        }
        // What another crate's type does is found at the trait, or at the type that it is made of.
        let of_arguments = || self.argument_places(module, implemented);
        let places =
            [of_type, of_trait].into_iter().find(|places| !places.is_empty()).unwrap_or_else(of_arguments);
        for place in places {
            self.add(&place.path, outer, &text::of_impl(item));
        }
    }

    /// Finds the types in the brackets behind a trait.
    fn argument_places(&self, module: &str, implemented: &syn::Path) -> Vec<Place> {
        let brackets = implemented.segments.iter().map(|segment| &segment.arguments);
        let listed = brackets.filter_map(|brackets| match brackets {
            PathArguments::AngleBracketed(brackets) => Some(&brackets.args),
            _ => None,
        });
        let types = listed.flatten().filter_map(|argument| match argument {
            GenericArgument::Type(argument) => Some(argument),
            _ => None,
        });
        types.flat_map(|argument| self.places(&resolve_type(self.modules, module, argument))).collect()
    }

    fn methods(&mut self, path: &str, outer: &[String], item: &ItemImpl) {
        for item in &item.items {
            let (attributes, name, text) = match item {
                ImplItem::Fn(item) if is_public(&item.vis) => {
                    (&item.attrs, &item.sig.ident, text::of_fn(&item.vis, &item.sig))
                }
                ImplItem::Const(item) if is_public(&item.vis) => {
                    let text = text::of_const(&item.vis, &item.ident, &item.generics, &item.ty);
                    (&item.attrs, &item.ident, text)
                }
                _ => continue,
            };
            let conditions = [outer, &conditions(attributes)].concat();
            self.add(&join(path, &name.to_string()), &conditions, &text);
        }
    }

    fn places(&self, named: &Named) -> Vec<Place> {
        let Named::Item(module, name) = named else { return Vec::new() };
        let places = self.paths.get(&(module.clone(), name.clone()));
        places.into_iter().flatten().cloned().collect()
    }

    fn add(&mut self, path: &str, conditions: &[String], text: &str) {
        let mut seen = BTreeSet::new();
        let conditions = conditions.iter().filter(|condition| seen.insert(*condition));
        let conditions: Vec<_> = conditions.map(|condition| format!("#[cfg({condition})] ")).collect();
        let conditions = conditions.concat();
        self.lines.insert(format!("{path}: {conditions}{text}"));
    }
}
