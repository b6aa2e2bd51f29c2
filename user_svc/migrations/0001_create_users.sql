-- Accounts, their sessions and keys, the keys that sign access tokens, and the audit log.

CREATE TABLE users.account (
    user_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    -- In lower case: one address is one account.
    email text NOT NULL UNIQUE,
    display_name text NOT NULL,
    role text NOT NULL DEFAULT 'FREE' CHECK (role IN ('FREE', 'PREMIUM', 'ADMIN')),
    -- Argon2id in its own encoding, with salt and parameters.
    password_hash text NOT NULL,
    languages text[] NOT NULL DEFAULT '{}',
    genres text[] NOT NULL DEFAULT '{}',
    history_disabled boolean NOT NULL DEFAULT false,
    request_id uuid,
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now()
);

-- A session that has ended is deleted, so an account has a bounded number of rows.
CREATE TABLE users.session (
    session_id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users.account ON DELETE CASCADE,
    -- Of the one refresh token that is good; any other of this session was used before.
    refresh_sha256 bytea NOT NULL CHECK (octet_length(refresh_sha256) = 32),
    create_time timestamptz NOT NULL DEFAULT now(),
    expire_time timestamptz NOT NULL,
    -- No refresh moves expire_time beyond this.
    end_time timestamptz NOT NULL
);

CREATE INDEX session_by_user ON users.session (user_id, create_time);

CREATE TABLE users.api_key (
    key_number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key_id text NOT NULL UNIQUE CHECK (key_id ~ '^[0-9a-f]{16}$'),
    user_id uuid NOT NULL REFERENCES users.account ON DELETE CASCADE,
    display_name text NOT NULL,
    -- Of a random secret of 256 bits, which no search can find; no slow hash is needed.
    secret_sha256 bytea NOT NULL CHECK (octet_length(secret_sha256) = 32),
    scopes text[] NOT NULL,
    request_id uuid,
    create_time timestamptz NOT NULL DEFAULT now(),
    expire_time timestamptz,
    last_use_time timestamptz,
    revoke_time timestamptz,
    UNIQUE (user_id, request_id)
);

CREATE INDEX api_key_by_user ON users.api_key (user_id, key_number);

CREATE TABLE users.signing_key (
    key_id text PRIMARY KEY,
    -- Ed25519 seed. Who can read this schema can be anybody: its role is ours alone.
    seed bytea NOT NULL CHECK (octet_length(seed) = 32),
    sign_time timestamptz NOT NULL,
    retire_time timestamptz
);

-- Refers to accounts by id without a foreign key: what was done outlives whom it was done to.
CREATE TABLE users.audit_event (
    event_number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    create_time timestamptz NOT NULL DEFAULT now(),
    action text NOT NULL,
    actor_id uuid,
    user_id uuid,
    resource text NOT NULL,
    trace_id text NOT NULL
);

CREATE INDEX audit_event_by_user ON users.audit_event (user_id, event_number);

CREATE FUNCTION users.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is only ever added to';
END
$$;

CREATE TRIGGER audit_event_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON users.audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION users.refuse_change();
