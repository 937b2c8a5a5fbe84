"""collect: see docs/architecture.md."""
