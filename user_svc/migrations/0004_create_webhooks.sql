-- Webhooks of accounts, and the events on their way to them.

CREATE TABLE users.webhook (
    webhook_number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook_id text NOT NULL UNIQUE CHECK (webhook_id ~ '^[0-9a-f]{16}$'),
    user_id uuid NOT NULL REFERENCES users.account ON DELETE CASCADE,
    display_name text NOT NULL,
    url text NOT NULL,
    events text[] NOT NULL,
    disabled boolean NOT NULL,
    disable_reason text NOT NULL DEFAULT '',
    -- Encrypted: what signs has to be read again, and a copy of this table is not to be enough.
    secret bytea NOT NULL,
    previous_secret bytea,
    previous_end_time timestamptz,
    request_id uuid,
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now(),
    -- Since when no attempt went well; null while they do.
    fail_time timestamptz,
    dropped_count bigint NOT NULL DEFAULT 0,
    -- When something is to be posted next; null while nothing waits.
    due_time timestamptz,
    -- Until when one replica has what waits for itself.
    lease_time timestamptz,
    UNIQUE (user_id, request_id)
);

CREATE INDEX webhook_by_user ON users.webhook (user_id, webhook_number);
CREATE INDEX webhook_by_due ON users.webhook (due_time) WHERE due_time IS NOT NULL;

CREATE TABLE users.webhook_delivery (
    delivery_number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook_number bigint NOT NULL REFERENCES users.webhook ON DELETE CASCADE,
    event_id text NOT NULL,
    event text NOT NULL,
    body text NOT NULL,
    state text NOT NULL DEFAULT 'WAITING' CHECK (state IN ('WAITING', 'DELIVERED', 'GIVEN_UP')),
    attempt_count integer NOT NULL DEFAULT 0,
    create_time timestamptz NOT NULL DEFAULT now(),
    -- When it is tried next; null exactly when it is over.
    attempt_time timestamptz DEFAULT now(),
    last_attempt_time timestamptz,
    last_status_code integer NOT NULL DEFAULT 0,
    last_error text NOT NULL DEFAULT '',
    response_excerpt text NOT NULL DEFAULT '',
    CHECK ((state = 'WAITING') = (attempt_time IS NOT NULL)),
    -- An event that is reported twice is posted once.
    UNIQUE (webhook_number, event_id)
);

CREATE INDEX webhook_delivery_by_webhook ON users.webhook_delivery (webhook_number, delivery_number);
CREATE INDEX webhook_delivery_waiting ON users.webhook_delivery (webhook_number, attempt_time)
    WHERE attempt_time IS NOT NULL;
CREATE INDEX webhook_delivery_by_age ON users.webhook_delivery (create_time);
