"""`caep-bridge people`: what is stored about a person, and how it is removed."""
