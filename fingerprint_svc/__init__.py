"""`sonica.fingerprint.v1`: hostile bytes in, fingerprint out. Stores nothing."""
