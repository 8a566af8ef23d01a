"""One token request: how it is built and sent, and how its response is read."""
