"""Envoy's configuration as plain typed functions: a MeshPlan in, the bootstrap as JSON out.

It starts nothing and knows no service's code; what it knows of the services are the contracts
(`contracts.binpb`) and the table of their methods (`methods.py`).
"""
