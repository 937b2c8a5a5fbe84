"""Neural networks on PyTorch (extra `neural`)."""
