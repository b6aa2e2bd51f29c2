"""Trains the network of algorithm version 2 from a folder of music."""
