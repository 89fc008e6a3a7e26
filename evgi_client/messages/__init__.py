"""The messages that people, meters and utilities sign, with their EIP-712 hashes."""
