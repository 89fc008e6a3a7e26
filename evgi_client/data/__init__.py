"""Data writes, their Merkle anchors, and the host that serves them."""
