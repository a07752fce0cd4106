"""`caep-bridge devices`: what is believed of each device and why, and an operator's word about it."""
