"""The key exchange: both sides in memory, with scripted clocks and generators."""
