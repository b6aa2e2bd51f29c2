-- Imports whose items come by requests of their own: what is known of them, and what became of each.

CREATE TABLE catalog.import (
    -- Orders lists.
    import_number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    import_id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    -- Whose it is, as the edge says: `users/...`; empty where nobody is asked.
    owner text NOT NULL,
    request_id uuid UNIQUE,
    state text NOT NULL DEFAULT 'OPEN'
        CHECK (state IN ('OPEN', 'DONE', 'CANCELLED', 'ABANDONED')),
    item_count integer NOT NULL CHECK (item_count > 0),
    create_time timestamptz NOT NULL DEFAULT now(),
    update_time timestamptz NOT NULL DEFAULT now(),
    end_time timestamptz CHECK ((end_time IS NULL) = (state = 'OPEN'))
);

CREATE INDEX import_open ON catalog.import (owner) WHERE state = 'OPEN';

CREATE TABLE catalog.import_item (
    import_number bigint NOT NULL REFERENCES catalog.import ON DELETE CASCADE,
    position integer NOT NULL,
    item_id text NOT NULL,
    -- sonica.catalog.v1.Track, as sent.
    track bytea NOT NULL,
    -- The item is registered under this one, however often it is uploaded.
    request_id uuid NOT NULL DEFAULT gen_random_uuid(),
    state text NOT NULL DEFAULT 'WAITING' CHECK (state IN ('WAITING', 'SUCCEEDED', 'FAILED')),
    -- Not a reference: the track may be deleted long before the import is forgotten.
    track_id uuid,
    outcome text CHECK (outcome IN ('REGISTERED', 'ALREADY_REGISTERED')),
    -- google.rpc.Status
    error bytea,
    PRIMARY KEY (import_number, position),
    UNIQUE (import_number, item_id)
);
