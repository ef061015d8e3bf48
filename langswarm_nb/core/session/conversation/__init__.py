"""What a conversation is: pure decisions over its tree, without reading or writing anything."""
