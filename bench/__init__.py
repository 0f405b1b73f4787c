"""How fast the service is, each figure beside what this machine could do at best."""
