"""What a model is asked to answer with: values of a schema."""
