"""A stand-alone push receiver for trying things out, for the demo and for tests. The bridge itself never uses it."""
