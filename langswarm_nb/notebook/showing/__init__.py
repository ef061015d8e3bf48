"""What a reply looks like in a cell, while it streams and after."""
