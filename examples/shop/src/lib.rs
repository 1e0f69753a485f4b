//! A small shop of four services, written as a user of Rialto would write it.
