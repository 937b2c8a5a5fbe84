"""Adapters: the open foundation models of others, for whoever has their weights in a folder or reaches the hub."""
