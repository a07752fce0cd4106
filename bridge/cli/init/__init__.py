"""`caep-bridge init`: the first configuration."""
