"""Webhooks: what of the mesh an account is told by a signed HTTP request, and the way there.

An event becomes one delivery a webhook, in the transaction of what it tells (`outbox`). Any number
of replicas post what waits (`courier`), each attempt to an address that was looked at (`network`).
"""
