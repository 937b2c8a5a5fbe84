"""Models: spec, registry and the families of forecasting methods."""
