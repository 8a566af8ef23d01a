"""From a spec to the description of its token endpoint: the only code that knows the layout of a spec."""
