"""Speak to the outside: one adapter a file, and the few tools they share."""
