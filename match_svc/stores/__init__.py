"""What match_svc keeps its data in: PostgreSQL (the truth), Qdrant (the index), Redis (hot)."""
