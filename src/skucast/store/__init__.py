"""The store: runs as immutable folders, and the journal of how each was made."""
