"""``python -m bench``: this library against telethon and kurigram, each in an environment of its own."""
