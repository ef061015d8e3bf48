"""Conversations read back: exports of ours, and chats as other programs write them."""
