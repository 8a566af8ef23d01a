"""The providers: what each asks for, and where its arguments come from."""
