"""Watches the providers' pages that the specs were written from: ``python -m scripts.upstream``, or ``make upstream``.

``pages`` fetches a page as text. ``openapi`` and ``prose`` extract its facts, and ``facts`` limits them. ``watch`` compares
them with the last ones that a person has checked, in specs/upstream. ``__main__`` is the command line. A person decides
whether a change concerns a spec.
"""
