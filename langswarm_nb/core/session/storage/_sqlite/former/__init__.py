"""The tables of former versions, and the way from them to those of now."""
