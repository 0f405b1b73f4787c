"""Let deployments and policy changes on GitHub wait for people: requests in, answers out."""
