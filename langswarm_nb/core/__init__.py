"""The library below the notebook: imports only the standard library, aiosqlite, httpx and msgspec."""
