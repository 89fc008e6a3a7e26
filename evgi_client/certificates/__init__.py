"""Certificates of entities, who may issue them, and what revokes them."""
