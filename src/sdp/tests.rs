//! Bodies as devices write them.
