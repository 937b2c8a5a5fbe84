"""evaluate: see docs/architecture.md."""
