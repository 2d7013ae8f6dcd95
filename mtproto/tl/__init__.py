"""TL: primitives, base classes, schema language, and the codec driven by it (docs/spec/tl.md)."""
