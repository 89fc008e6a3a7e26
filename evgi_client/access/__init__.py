"""Who may do what with a resource, and the session that unlocks it."""
