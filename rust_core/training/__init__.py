"""Trains the network of algorithm versions 3 and 4 from a folder of music."""
