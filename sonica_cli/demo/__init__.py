"""Music made from a seed, its degradations, and the demonstration that uses both."""
