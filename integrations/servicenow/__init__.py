"""ServiceNow: a change request for each critical request, and what is decided on it there."""
