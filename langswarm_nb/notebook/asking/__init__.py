"""From the text of a cell to the streams that answer it: parse, fill in, plan, open, show."""
