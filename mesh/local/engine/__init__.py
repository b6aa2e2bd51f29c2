"""Qdrant's own gRPC API over the in-process Qdrant engine, for one machine. See README.md."""
