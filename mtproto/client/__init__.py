"""The client side above the core: one datacenter's link, calls by name or function, and two thin front ends."""
