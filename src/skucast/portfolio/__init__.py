"""portfolio: see docs/architecture.md."""
