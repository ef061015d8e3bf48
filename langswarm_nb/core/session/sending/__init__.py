"""The one flow of a message: from the question that is stored to the reply that is stored."""
