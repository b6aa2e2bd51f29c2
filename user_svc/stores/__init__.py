"""What user_svc keeps its data in: PostgreSQL (the truth) and Redis (counts of failures)."""
