"""Privacy: what may leave the real rows, and the list of what did. Knows no tables."""
