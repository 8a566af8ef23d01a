"""The providers: what each one requests, and where its arguments come from."""
