"""E-mail: tells people what waits for them, and never decides anything."""

from integrations.email.adapter import EmailAdapter

__all__ = ["EmailAdapter"]
