"""Fits what algorithm versions ship as data besides networks: the projection and the decisions."""
