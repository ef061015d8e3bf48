"""Questions to services that decide, and their answers: the forms that several services share."""
