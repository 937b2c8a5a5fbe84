"""``python -m skucast`` is the command line."""

from .cli import main

main()
