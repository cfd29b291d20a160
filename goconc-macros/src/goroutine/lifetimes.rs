//! Lifetimes that a type leaves out, given names: in `impl Into<Recv<&str>>` the compiler wants one.

use proc_macro2::Span;
use syn::visit_mut::{self, VisitMut};
use syn::{
    GenericParam, Generics, Lifetime, LifetimeParam, ParenthesizedGenericArguments, Type, TypeFnPtr,
    TypeReference,
};

/// Names the lifetimes that `ty` leaves out, and declares them in `generics`. Each is one of its own, as the compiler has it.
///
/// One that does not show at all cannot be named: `Recv<Text>`, where `Text` has a lifetime.
pub(super) fn name(ty: &mut Type, generics: &mut Generics) {
    Elided { generics }.visit_type_mut(ty);
}

struct Elided<'a> {
    generics: &'a mut Generics,
}

impl Elided<'_> {
    fn declare(&mut self, site: Span) -> Lifetime {
        let site = site.resolved_at(Span::mixed_site());
        let lifetime = Lifetime::new(&format!("'elided{}", self.generics.params.len()), site);
        self.generics.params.push(GenericParam::Lifetime(LifetimeParam::new(lifetime.clone()))); // lifetimes are printed first
        lifetime
    }
}

impl VisitMut for Elided<'_> {
    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident == "_" {
            *lifetime = self.declare(lifetime.span());
        }
    }

    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        let site = reference.and_token.span;
        reference.lifetime.get_or_insert_with(|| self.declare(site));
        visit_mut::visit_type_reference_mut(self, reference);
    }

    // In `fn(&str) -> &str` and `dyn Fn(&str)` it is every lifetime that is meant.
    fn visit_type_fn_ptr_mut(&mut self, _: &mut TypeFnPtr) {}
    fn visit_parenthesized_generic_arguments_mut(&mut self, _: &mut ParenthesizedGenericArguments) {}
}
