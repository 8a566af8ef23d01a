"""The life of a token in one process: what is at hand, who renews it, who waits."""
