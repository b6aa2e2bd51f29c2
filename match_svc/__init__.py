"""The catalogue of registered tracks, their vector index, and the search in it."""
