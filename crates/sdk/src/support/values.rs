//! Values of paths, queries and headers: anything that serialises to text, a number, a truth value,
//! nothing, a list of these, or (for queries) a structure of these.

use serde::ser::{self, Impossible, Serialize};

/// A value that has no place in a URL or a header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotPlain(String);

impl std::fmt::Display for NotPlain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotPlain {}

impl ser::Error for NotPlain {
    fn custom<T: std::fmt::Display>(told: T) -> Self {
        Self(told.to_string())
    }
}

/// Hands every plain value of `value` to `take`, with the name that a structure gives it.
pub(crate) fn each<T: Serialize + ?Sized>(
    value: &T,
    take: &mut dyn FnMut(Option<&str>, &str),
) -> Result<(), NotPlain> {
    value.serialize(Plain { name: None, take, nesting: Nesting::Top })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Nesting {
    Top,
    Field,
    Item,
}

struct Plain<'a> {
    name: Option<&'a str>,
    take: &'a mut dyn FnMut(Option<&str>, &str),
    nesting: Nesting,
}

impl Plain<'_> {
    fn put(self, text: &str) -> Result<(), NotPlain> {
        (self.take)(self.name, text);
        Ok(())
    }
}

fn refuse<T>(what: &str) -> Result<T, NotPlain> {
    Err(NotPlain(format!("{what} cannot stand in a path, a query or a header")))
}

macro_rules! plain {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result<(), NotPlain> {
            self.put(&value.to_string())
        }
    )*};
}

impl<'a> ser::Serializer for Plain<'a> {
    type Ok = ();
    type Error = NotPlain;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Impossible<(), NotPlain>;
    type SerializeTupleVariant = Impossible<(), NotPlain>;
    type SerializeMap = Impossible<(), NotPlain>;
    type SerializeStruct = Fields<'a>;
    type SerializeStructVariant = Impossible<(), NotPlain>;

    plain!(
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32,
        serialize_i64: i64, serialize_i128: i128, serialize_u8: u8, serialize_u16: u16,
        serialize_u32: u32, serialize_u64: u64, serialize_u128: u128, serialize_f32: f32,
        serialize_f64: f64, serialize_char: char
    );

    fn serialize_str(self, value: &str) -> Result<(), NotPlain> {
        self.put(value)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), NotPlain> {
        refuse("bytes")
    }

    fn serialize_none(self) -> Result<(), NotPlain> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), NotPlain> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), NotPlain> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), NotPlain> {
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), NotPlain> {
        self.put(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), NotPlain> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), NotPlain> {
        refuse("an enum with content")
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a>, NotPlain> {
        if self.nesting == Nesting::Item { refuse("a list of lists") } else { Ok(Items(self)) }
    }

    fn serialize_tuple(self, length: usize) -> Result<Items<'a>, NotPlain> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, NotPlain> {
        refuse("a structure without names")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, NotPlain> {
        refuse("an enum with content")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, NotPlain> {
        refuse("a map")
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields<'a>, NotPlain> {
        if self.nesting == Nesting::Top {
            Ok(Fields(self))
        } else {
            refuse("a structure in a structure or a list")
        }
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, NotPlain> {
        refuse("an enum with content")
    }
}

struct Items<'a>(Plain<'a>);

impl Items<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotPlain> {
        let Self(Plain { name, take, .. }) = self;
        value.serialize(Plain { name: *name, take: *take, nesting: Nesting::Item })
    }
}

impl ser::SerializeSeq for Items<'_> {
    type Ok = ();
    type Error = NotPlain;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotPlain> {
        self.item(value)
    }

    fn end(self) -> Result<(), NotPlain> {
        Ok(())
    }
}

impl ser::SerializeTuple for Items<'_> {
    type Ok = ();
    type Error = NotPlain;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotPlain> {
        self.item(value)
    }

    fn end(self) -> Result<(), NotPlain> {
        Ok(())
    }
}

struct Fields<'a>(Plain<'a>);

impl ser::SerializeStruct for Fields<'_> {
    type Ok = ();
    type Error = NotPlain;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), NotPlain> {
        value.serialize(Plain {
            name: Some(name),
            take: &mut *self.0.take,
            nesting: Nesting::Field,
        })
    }

    fn end(self) -> Result<(), NotPlain> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::each;

    fn all<T: Serialize>(value: T) -> Result<Vec<String>, String> {
        let mut all = Vec::new();
        each(&value, &mut |name, text| {
            all.push(name.map_or_else(|| text.to_owned(), |name| format!("{name}={text}")));
        })
        .map_err(|error| error.to_string())?;
        Ok(all)
    }

    #[derive(Serialize)]
    struct Id(u64);

    #[derive(Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Order {
        NewestFirst,
    }

    #[derive(Serialize)]
    struct Filter {
        colour: Option<&'static str>,
        size: Vec<u8>,
        order: Order,
    }

    #[test]
    fn plain_values() {
        assert_eq!(all(Id(7)).unwrap(), ["7"]);
        assert_eq!(all(Some("a b")).unwrap(), ["a b"]);
        assert_eq!(all(None::<u8>).unwrap(), [""; 0]);
        assert_eq!(all([1, 2]).unwrap(), ["1", "2"]);
        let filter = Filter { colour: None, size: vec![4, 5], order: Order::NewestFirst };
        assert_eq!(all(filter).unwrap(), ["size=4", "size=5", "order=newest_first"]);
    }

    #[test]
    fn refuses_the_rest() {
        assert!(all(vec![vec![1]]).unwrap_err().contains("list of lists"));
        assert!(all(std::collections::BTreeMap::from([(1, 2)])).unwrap_err().contains("a map"));
        assert!(all(Some(Ok::<u8, u8>(1))).unwrap_err().contains("enum with content"));
    }
}
