"""The token clients of all providers. Written by `make generate`; do not edit."""
