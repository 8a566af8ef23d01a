"""Where tokens and refusals are kept, in this process or shared with others."""
