"""A client that others generate, driven against a mesh; see `__main__.py`."""
