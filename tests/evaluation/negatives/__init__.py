"""Sounds that are not registered, by the ten thousand, made from a seed and never stored."""
