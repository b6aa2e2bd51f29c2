-- Recognitions of accounts, and an audit log that outlives those it tells of without naming them.

ALTER TABLE users.account
    -- What the audit log calls it. Only this row leads from one to the other: without it the log
    -- names nobody, and not one line of it has to change for that.
    ADD COLUMN audit_id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    -- In the order of registration.
    ADD COLUMN account_number bigint GENERATED ALWAYS AS IDENTITY UNIQUE;

CREATE INDEX account_by_email_prefix ON users.account (email text_pattern_ops);
CREATE INDEX account_by_role ON users.account (role, account_number);

ALTER TABLE users.audit_event DISABLE TRIGGER audit_event_append_only;

UPDATE users.audit_event SET
    actor_id = (SELECT audit_id FROM users.account a WHERE a.user_id = audit_event.actor_id),
    user_id = (SELECT audit_id FROM users.account a WHERE a.user_id = audit_event.user_id),
    resource = regexp_replace(resource, '^users/[^/]+/', '');

ALTER TABLE users.audit_event ENABLE TRIGGER audit_event_append_only;
ALTER TABLE users.audit_event RENAME COLUMN actor_id TO actor_audit_id;
ALTER TABLE users.audit_event RENAME COLUMN user_id TO audit_id;
ALTER TABLE users.audit_event
    -- Of a change of role only.
    ADD COLUMN old_role text,
    ADD COLUMN new_role text,
    -- How many of a kind it stands for.
    ADD COLUMN occurrence_count integer NOT NULL DEFAULT 1 CHECK (occurrence_count > 0);

ALTER INDEX users.audit_event_by_user RENAME TO audit_event_by_account;
CREATE INDEX audit_event_by_actor ON users.audit_event (actor_audit_id, event_number);
CREATE INDEX audit_event_by_action ON users.audit_event (action, event_number);
CREATE INDEX audit_event_by_time ON users.audit_event (create_time);

CREATE TABLE users.recognition (
    recognition_number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Of the report that told of it, so that one that comes twice is stored once.
    recognition_id uuid NOT NULL UNIQUE,
    user_id uuid NOT NULL REFERENCES users.account ON DELETE CASCADE,
    create_time timestamptz NOT NULL,
    clip_seconds double precision NOT NULL,
    -- As the tracks were then, the surest first: [{"track_id": ..., "title": ..., ...}, ...].
    matches jsonb NOT NULL,
    key_id text NOT NULL,
    trace_id text NOT NULL
);

CREATE INDEX recognition_by_user
    ON users.recognition (user_id, create_time, recognition_number);
CREATE INDEX recognition_by_time ON users.recognition (create_time);
