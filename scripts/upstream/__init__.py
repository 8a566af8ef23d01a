"""Watches the providers' pages that the specs were written from: `python -m scripts.upstream`, which `make upstream` calls.

`pages` fetches a page and gives its text; `facts` takes from it what matters, by way of `openapi` or `prose`; `watch`
compares that with what was seen last, which stands in specs/upstream; `__main__` is the command line. What a change
means for the specs is for the reader to judge.
"""
