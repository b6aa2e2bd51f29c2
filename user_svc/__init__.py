"""user_svc: accounts, sessions, API keys and the audit log."""
