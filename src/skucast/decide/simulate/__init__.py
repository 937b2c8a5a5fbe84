"""simulate: what a policy would have cost, played period by period over items and paths; see docs/inventory.md."""
