"""Models of one operator, for LiteRT's builtin operators and types: what scripts/probe_operators asks both engines."""
