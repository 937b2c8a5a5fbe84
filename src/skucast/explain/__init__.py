"""explain: see docs/architecture.md."""
