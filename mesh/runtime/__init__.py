"""How one gRPC process runs here: the harness every service shares.

It knows no domain word. See README.md for the settings and the rules.
"""
