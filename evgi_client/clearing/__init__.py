"""Clearing between utilities: agreements, positions, tokens."""
