"""Policy as code: documents in, one verdict per request out, every step explained."""
