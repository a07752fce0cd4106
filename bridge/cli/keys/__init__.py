"""`caep-bridge keys`: the keys that sign SETs, from the first to a withdrawal."""
