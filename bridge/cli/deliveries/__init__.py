"""`caep-bridge deliveries`: the SETs, and what is done about those that are dead."""
