"""Trains the network of algorithm version 3 from a folder of music."""
