"""What IPython calls: the extension, the magics, completion, and the transformers of cells."""
