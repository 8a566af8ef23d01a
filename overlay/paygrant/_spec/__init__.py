"""Everything that reads a spec: its description in types, its layout, its file, and the lint rules.

``reader`` alone knows the layout of a normalized spec. ``description``, ``pointer`` and ``reader`` need the standard
library only. ``document`` and the rules need the extra ``generate``.
"""
