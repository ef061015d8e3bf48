"""What messages carry: text, pictures, files, sources, and what only a service understands."""
