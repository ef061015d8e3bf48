"""Jupyter: the magics, the panel, and what shows a reply in a cell."""
