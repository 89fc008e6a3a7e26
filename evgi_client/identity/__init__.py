"""Identities and their DIDs: who controls an address, and what is said of it."""
