-- Who the owners of accounts are at other providers, and log-ins there that are under way.

-- Whether the stored hash is of a random password that nobody has seen.
ALTER TABLE users.account ADD COLUMN password_unknown boolean NOT NULL DEFAULT false;

CREATE TABLE users.identity (
    identity_number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    identity_id text NOT NULL UNIQUE CHECK (identity_id ~ '^[0-9a-f]{16}$'),
    user_id uuid NOT NULL REFERENCES users.account ON DELETE CASCADE,
    provider text NOT NULL,
    issuer text NOT NULL,
    subject text NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now(),
    last_use_time timestamptz,
    -- One person there is one account here.
    UNIQUE (issuer, subject)
);

CREATE INDEX identity_by_user ON users.identity (user_id, identity_number);

-- Both secrets are 256 random bits, so a plain hash of them is enough. What is sent to the provider
-- is derived from the flow token, which only who has begun the flow has.
CREATE TABLE users.social_flow (
    state_sha256 bytea PRIMARY KEY CHECK (octet_length(state_sha256) = 32),
    flow_sha256 bytea NOT NULL CHECK (octet_length(flow_sha256) = 32),
    provider text NOT NULL,
    redirect_uri text NOT NULL,
    expire_time timestamptz NOT NULL
);

CREATE INDEX social_flow_by_end ON users.social_flow (expire_time);
