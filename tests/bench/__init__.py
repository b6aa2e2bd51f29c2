"""The figures of the README that are ratios or sizes; `make bench` prints them."""
