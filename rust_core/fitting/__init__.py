"""Fits what algorithm version 1 ships as data: the projection and the decision."""
