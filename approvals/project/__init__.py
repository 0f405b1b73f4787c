"""The composition root: settings, addresses, processes. Nothing of the service imports it."""
