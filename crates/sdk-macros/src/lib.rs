//! The declarative client macro.
