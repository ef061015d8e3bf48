"""The session library: sessions, messages, storage, providers, hooks; async only, no notebook package."""
