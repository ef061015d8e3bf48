"""What a user attaches: paths, bytes, addresses, figures, frames, made into parts of a message."""
