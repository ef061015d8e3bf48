"""Many requests from a frame, and a frame of what came of them."""
