//! Values by small `Copy` ids.
//!
//! An id carries a generation, so that a late event for something that is gone finds nothing instead of its
//! successor in the same place. Memory is bounded by what lives at one time, not by what ever lived.
//!
//! A [`SecondaryMap`] holds what somebody else has to say about the same things: looking up is indexing, and walking
//! goes by place.
//!
//! Start at [`Arena`].

use std::marker::PhantomData;

/// Declares an id: an index with a generation.
macro_rules! generational_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            pub(crate) index: u32,
            pub(crate) generation: u32,
        }

        impl $crate::engine::Id for $name {
            fn new(index: u32, generation: u32) -> Self {
                $name { index, generation }
            }

            fn parts(self) -> (u32, u32) {
                (self.index, self.generation)
            }
        }
    };
}

pub(crate) use generational_id;

/// An index with a generation.
pub trait Id: Copy {
    fn new(index: u32, generation: u32) -> Self;
    /// (index, generation), e.g. to carry it in an opaque event.
    fn parts(self) -> (u32, u32);
}

/// Values by id; places are used again, ids are not.
#[derive(Clone, Debug)]
pub(crate) struct Arena<I, T> {
    places: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
    id: PhantomData<I>,
}

impl<I, T> Default for Arena<I, T> {
    fn default() -> Self {
        Arena { places: Vec::new(), free: Vec::new(), id: PhantomData }
    }
}

impl<I: Id, T> Arena<I, T> {
    pub fn insert(&mut self, value: T) -> I {
        if let Some(index) = self.free.pop() {
            let place = &mut self.places[index as usize];
            place.1 = Some(value);
            return I::new(index, place.0);
        }
        self.places.push((0, Some(value)));
        I::new(self.places.len() as u32 - 1, 0)
    }

    pub fn get(&self, id: I) -> Option<&T> {
        let (index, generation) = id.parts();
        self.places.get(index as usize).filter(|p| p.0 == generation).and_then(|p| p.1.as_ref())
    }

    pub fn get_mut(&mut self, id: I) -> Option<&mut T> {
        let (index, generation) = id.parts();
        self.places.get_mut(index as usize).filter(|p| p.0 == generation).and_then(|p| p.1.as_mut())
    }

    pub fn remove(&mut self, id: I) -> Option<T> {
        let (index, generation) = id.parts();
        let place = self.places.get_mut(index as usize).filter(|p| p.0 == generation)?;
        let value = place.1.take()?;
        place.0 = place.0.wrapping_add(1);
        self.free.push(index);
        Some(value)
    }

    /// Indices are smaller than this.
    pub fn places(&self) -> usize {
        self.places.len()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// In order of place, which depends on nothing but the sequence of inserts and removals.
    pub fn iter(&self) -> impl Iterator<Item = (I, &T)> {
        self.places
            .iter()
            .enumerate()
            .filter_map(|(i, p)| p.1.as_ref().map(|value| (I::new(i as u32, p.0), value)))
    }

    /// In the same order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (I, &mut T)> {
        self.places
            .iter_mut()
            .enumerate()
            .filter_map(|(i, p)| p.1.as_mut().map(|value| (I::new(i as u32, p.0), value)))
    }
}

/// Values beside an arena, at most one for each place: one for a newer id takes the place of an older one's.
#[derive(Clone, Debug)]
pub(crate) struct SecondaryMap<I, T> {
    places: Vec<Option<(u32, T)>>,
    id: PhantomData<I>,
}

impl<I, T> Default for SecondaryMap<I, T> {
    fn default() -> Self {
        SecondaryMap { places: Vec::new(), id: PhantomData }
    }
}

impl<I: Id, T> SecondaryMap<I, T> {
    pub fn get(&self, id: I) -> Option<&T> {
        let (index, generation) = id.parts();
        self.places.get(index as usize)?.as_ref().filter(|p| p.0 == generation).map(|p| &p.1)
    }

    pub fn get_mut(&mut self, id: I) -> Option<&mut T> {
        let (index, generation) = id.parts();
        self.places.get_mut(index as usize)?.as_mut().filter(|p| p.0 == generation).map(|p| &mut p.1)
    }

    pub fn insert(&mut self, id: I, value: T) {
        let (index, generation) = id.parts();
        if self.places.len() <= index as usize {
            self.places.resize_with(index as usize + 1, || None);
        }
        self.places[index as usize] = Some((generation, value));
    }

    pub fn remove(&mut self, id: I) -> Option<T> {
        let (index, generation) = id.parts();
        self.places.get_mut(index as usize)?.take_if(|p| p.0 == generation).map(|p| p.1)
    }

    /// In order of place.
    pub fn iter(&self) -> impl Iterator<Item = (I, &T)> {
        let places = (0..).zip(&self.places);
        places.filter_map(|(i, p)| p.as_ref().map(|(generation, value)| (I::new(i, *generation), value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    generational_id!(
        /// Something.
        Thing
    );

    #[test]
    fn an_old_id_never_finds_the_successor_in_its_place() {
        let mut arena: Arena<Thing, char> = Arena::default();
        let a = arena.insert('a');
        assert_eq!(arena.remove(a), Some('a'));
        let b = arena.insert('b');
        assert_eq!((a.index, arena.get(a), arena.get(b)), (b.index, None, Some(&'b')));
        assert_eq!(arena.remove(a), None);
    }

    #[test]
    fn what_is_said_of_a_thing_is_not_said_of_its_successor() {
        let mut arena: Arena<Thing, char> = Arena::default();
        let (mut said, a) = (SecondaryMap::default(), arena.insert('a'));
        said.insert(a, 1);
        arena.remove(a);
        let b = arena.insert('b');
        assert_eq!((said.get(a), said.get(b)), (Some(&1), None));
        said.insert(b, 2);
        assert_eq!((said.remove(a), said.get_mut(b)), (None, Some(&mut 2)));
        assert_eq!(said.iter().collect::<Vec<_>>(), [(b, &2)]);
        assert_eq!((said.remove(b), said.get(b)), (Some(2), None));
    }
}
