"""A small network trained on synthetic retail demand, whose weights lie in the package: forecasts without fitting."""
