"""The `sonica` command: one file per group of commands, nothing that a service needs."""
