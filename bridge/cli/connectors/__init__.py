"""`caep-bridge connectors`: the vendors, a trial of one, and its baseline."""
