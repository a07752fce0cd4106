"""What a declaration may say, and what its expressions mean: read with every fault's line, then plain values. Pure."""
