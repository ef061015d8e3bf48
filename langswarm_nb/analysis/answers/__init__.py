"""Answers that are values, as frames."""
