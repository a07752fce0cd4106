"""`caep-bridge streams`: how each stream does, and what an operator changes about it."""
