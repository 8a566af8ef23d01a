"""A token and its life: pure values and decisions, without clock, lock or I/O."""
