//! Every limit of the Nacos door, with its source.
