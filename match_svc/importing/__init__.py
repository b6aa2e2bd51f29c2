"""Imports that go on over many calls, and the operations by which they are followed."""
