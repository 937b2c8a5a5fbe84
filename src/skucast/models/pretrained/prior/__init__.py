"""The synthetic retail demand that the network is trained on. See `skucast.models.pretrained.prior.block.draw`."""

VERSION = 2
"""Raised whenever the same seed would give other numbers."""
