"""`caep-bridge check`: what is wrong with a configuration, here and online."""
