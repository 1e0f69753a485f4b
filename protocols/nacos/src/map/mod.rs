//! The words of Nacos in those of the catalog, and back.
