-- Tracks, their fingerprints, and the ledger every write passes through.

CREATE TABLE catalog.track (
    -- Part of every point id in the index (track_number << 20 | row), so it is never used again.
    track_number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY
        CHECK (track_number < 8796093022208),
    track_id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    content_sha256 bytea NOT NULL UNIQUE CHECK (octet_length(content_sha256) = 32),
    request_id uuid UNIQUE,
    external_id text UNIQUE CHECK (external_id <> ''),
    title text NOT NULL,
    artist text NOT NULL,
    album text NOT NULL,
    isrc text NOT NULL,
    language text NOT NULL,
    genre text NOT NULL,
    year integer NOT NULL,
    source_uri text NOT NULL,
    duration_us bigint NOT NULL CHECK (duration_us >= 0),
    algorithm_version integer NOT NULL,
    active_window_count integer NOT NULL CHECK (active_window_count > 0),
    state text NOT NULL DEFAULT 'PENDING' CHECK (state IN ('PENDING', 'ACTIVE', 'DELETING')),
    create_time timestamptz NOT NULL DEFAULT now()
);

-- What the reconciler looks for; nearly always empty.
CREATE INDEX track_unfinished ON catalog.track (track_number) WHERE state <> 'ACTIVE';

-- Layouts as in sonica.fingerprint.v1.Fingerprint.
CREATE TABLE catalog.fingerprint (
    track_number bigint PRIMARY KEY REFERENCES catalog.track ON DELETE CASCADE,
    vectors_f16le bytea NOT NULL,
    active_windows bytea NOT NULL,
    landmarks bytea NOT NULL,
    -- Element k + 1: how many landmarks come before frame 64 * k; the last is their number.
    landmark_starts integer[] NOT NULL
);

-- Kept out of line and uncompressed: substring() then reads only the pages of the passage wanted.
ALTER TABLE catalog.fingerprint ALTER COLUMN vectors_f16le SET STORAGE EXTERNAL;
ALTER TABLE catalog.fingerprint ALTER COLUMN active_windows SET STORAGE EXTERNAL;
ALTER TABLE catalog.fingerprint ALTER COLUMN landmarks SET STORAGE EXTERNAL;

-- One row. Its lock orders the moments at which tracks become, or cease to be, ACTIVE against the
-- begin and the end of a rebuild.
CREATE TABLE catalog.ledger (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    -- Random, not counted: a restored backup must not meet its own future in a cache.
    epoch uuid NOT NULL DEFAULT gen_random_uuid(),
    last_generation integer NOT NULL DEFAULT 0,
    serving integer NOT NULL DEFAULT 0,
    building integer NOT NULL DEFAULT 0,
    building_cursor bigint NOT NULL DEFAULT 0,
    active_track_count bigint NOT NULL DEFAULT 0,
    active_window_count bigint NOT NULL DEFAULT 0,
    active_duration_us bigint NOT NULL DEFAULT 0
);

INSERT INTO catalog.ledger DEFAULT VALUES;
