"""How a SET gets there: one push, what its answer means, and when to try again."""
