"""Putting tokens on requests: which request may carry one, and what follows a rejection."""
