"""Play an agent, and with --decide its approvers, beside a running service."""
