"""The service: agents ask, people decide, everything is written down."""
