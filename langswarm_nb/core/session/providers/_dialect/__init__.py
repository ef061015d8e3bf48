"""What all dialects of model services share: the request's history, the stream's reader, the reply."""
