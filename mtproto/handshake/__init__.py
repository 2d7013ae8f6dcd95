"""Authorization key creation, both sides (docs/spec/auth_key.md): pure steps, and the tables that run them."""
