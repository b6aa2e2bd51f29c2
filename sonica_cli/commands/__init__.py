"""The commands, one file a group; each has `add_to(app)` or an `app` of its own.

They import what they need only when they run, so that `sonica --help` is there at once.
"""
