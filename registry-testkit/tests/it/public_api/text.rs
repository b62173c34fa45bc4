//! Declarations as text in one line, without what only their own module sees.

use proc_macro2::{Ident, Span};
use syn::{
    Attribute, Expr, ExprInfer, Field, Fields, FnModifiers, Item, ItemConst, ItemFn, ItemImpl, Meta,
    Signature, TraitItem, Variant, Visibility, token,
};

use super::modules::is_public;

/// Writes an item of a module without its attributes, its value or its body. A type without fields and variants.
pub(super) fn of_item(item: &Item) -> String {
    let mut item = item.clone();
    let (attributes, suffix) = match &mut item {
        Item::Fn(item) => return of_fn(&item.vis, &item.sig),
        Item::Const(item) => {
            *item.expr = unsaid();
            (&mut item.attrs, "")
        }
        Item::Static(item) => {
            *item.expr = unsaid();
            (&mut item.attrs, "")
        }
        Item::Enum(item) => {
            item.variants.clear();
            (&mut item.attrs, "")
        }
        Item::Struct(item) => {
            let suffix = if item.fields.iter().all(|field| is_public(&field.vis)) {
                ""
            } else {
                " with private fields"
            };
            if matches!(item.fields, Fields::Named(_)) {
                item.fields = Fields::Unit;
                item.semi_token = Some(token::Semi::default());
            }
            if let Fields::Unnamed(fields) = &mut item.fields {
                fields.unnamed.iter_mut().for_each(hide_if_private);
            }
            (&mut item.attrs, suffix)
        }
        Item::Trait(item) => {
            item.items.clear();
            (&mut item.attrs, "")
        }
        Item::Type(item) => (&mut item.attrs, ""),
        Item::Union(item) => (&mut item.attrs, ""),
        _ => return String::new(),
    };
    let kept = kept(attributes);
    attributes.clear();
    format!("{kept}{}{suffix}", line(item))
}

/// Writes a function without its body.
pub(super) fn of_fn(visibility: &Visibility, signature: &Signature) -> String {
    let mut signature = signature.clone();
    for input in &mut signature.inputs {
        match input {
            syn::FnArg::Receiver(receiver) => receiver.attrs.clear(),
            syn::FnArg::Typed(argument) => argument.attrs.clear(),
        }
    }
    line(Item::Fn(ItemFn {
        attrs: Vec::new(),
        vis: visibility.clone(),
        modifiers: FnModifiers::default(),
        sig: signature,
        block: Box::new(syn::Block { brace_token: token::Brace::default(), stmts: Vec::new() }),
    }))
}

/// Writes the constant of a type.
pub(super) fn of_const(
    visibility: &Visibility,
    name: &Ident,
    generics: &syn::Generics,
    target: &syn::Type,
) -> String {
    line(Item::Const(ItemConst {
        attrs: Vec::new(),
        vis: visibility.clone(),
        modifiers: syn::ConstModifiers::default(),
        const_token: token::Const::default(),
        ident: name.clone(),
        generics: generics.clone(),
        colon_token: token::Colon::default(),
        ty: Box::new(target.clone()),
        eq_token: token::Eq::default(),
        expr: Box::new(unsaid()),
        semi_token: token::Semi::default(),
    }))
}

/// Writes what an implementation implements, with its types, and without its functions.
pub(super) fn of_impl(item: &ItemImpl) -> String {
    let mut item = item.clone();
    item.attrs.clear();
    item.items.retain(|item| matches!(item, syn::ImplItem::Type(_)));
    line(Item::Impl(item))
}

/// Writes a variant with its fields.
pub(super) fn of_variant(variant: &Variant) -> String {
    let mut variant = variant.clone();
    let kept = kept(&variant.attrs);
    variant.attrs.clear();
    variant.fields.iter_mut().for_each(|field| field.attrs.clear());
    let item: syn::ItemEnum = syn::parse_quote!(enum Any { #variant });
    let text = line(Item::Enum(item));
    let text =
        text.trim_start_matches("enum Any {").trim_end_matches('}').trim().trim_end_matches(',').to_owned();
    format!("{kept}{text}")
}

/// Writes the type of a public field.
pub(super) fn of_field(field: &Field) -> String {
    let target = &field.ty;
    line(syn::parse_quote!(type Any = #target;)).trim_start_matches("type Any = ").to_owned()
}

/// Writes what a trait asks for, and says whether it has a default.
pub(super) fn of_trait_item(item: &TraitItem) -> Option<(String, String)> {
    let (name, text, has_default) = match item {
        TraitItem::Fn(item) => {
            (&item.sig.ident, of_fn(&Visibility::Inherited, &item.sig), item.default.is_some())
        }
        TraitItem::Const(item) => {
            let text = of_const(&Visibility::Inherited, &item.ident, &item.generics, &item.ty);
            (&item.ident, text, item.default.is_some())
        }
        TraitItem::Type(item) => {
            let mut item = item.clone();
            item.attrs.clear();
            let name = Ident::new(&item.ident.to_string(), Span::call_site());
            let text = line(syn::parse_quote!(trait Any { #item }));
            let text =
                text.trim_start_matches("trait Any {").trim_end_matches('}').trim().trim_end_matches(';');
            return Some((name.to_string(), text.to_owned()));
        }
        _ => return None,
    };
    Some((name.to_string(), format!("{text}{}", if has_default { " with a default" } else { "" })))
}

/// The attributes that callers notice.
fn kept(attributes: &[Attribute]) -> String {
    let mut derived: Vec<String> = Vec::new();
    let mut kept = String::new();
    for attribute in attributes {
        match &attribute.meta {
            Meta::List(list) if list.path.is_ident("derive") => {
                let names = list.tokens.to_string();
                derived.extend(
                    names.split(',').map(|name| name.replace(' ', "")).filter(|name| !name.is_empty()),
                );
            }
            Meta::Path(path) if path.is_ident("non_exhaustive") => kept.push_str("#[non_exhaustive] "),
            meta if meta.path().is_ident("deprecated") => kept.push_str("#[deprecated] "),
            _ => {}
        }
    }
    derived.sort();
    if derived.is_empty() { kept } else { format!("#[derive({})] {kept}", derived.join(", ")) }
}

fn hide_if_private(field: &mut Field) {
    field.attrs.clear();
    if !is_public(&field.vis) {
        field.vis = Visibility::Inherited;
        field.ty = syn::parse_quote!(_);
    }
}

/// Values of constants are no part of the listing.
fn unsaid() -> Expr {
    Expr::Infer(ExprInfer { attrs: Vec::new(), underscore_token: token::Underscore::default() })
}

fn line(item: Item) -> String {
    let file = syn::File { shebang: None, frontmatter: None, attrs: Vec::new(), items: vec![item] };
    let text = prettyplease::unparse(&file);
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for (wide, narrow) in [("( ", "("), (", )", ")"), ("< ", "<"), (", >", ">"), (" )", ")"), (", {}", " {}")]
    {
        text = text.replace(wide, narrow);
    }
    let text = text.trim_end_matches(" = _;").trim_end_matches(';').trim_end_matches(" {}");
    text.to_owned()
}
