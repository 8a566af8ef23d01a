"""The life of a token in one process: which token is held, who renews it, who waits for it."""
