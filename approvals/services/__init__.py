"""The verbs that write. Each is called by doors, takes keywords, and keeps its promise in one transaction."""
