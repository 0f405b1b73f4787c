"""Text from strangers: what cannot be seen, what looks like something else, what is secret.

People never meet this package by itself; `approvals.domain.display` is the one way through it.
"""
