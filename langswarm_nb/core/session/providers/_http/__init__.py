"""Bytes to and from a service: connections, limits, deadlines, and errors that show no key."""
