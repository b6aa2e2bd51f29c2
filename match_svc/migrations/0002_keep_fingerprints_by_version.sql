-- A track may have a fingerprint of each algorithm version; the catalogue is searched by one.

ALTER TABLE catalog.fingerprint
    ADD COLUMN algorithm_version integer,
    ADD COLUMN active_window_count integer CHECK (active_window_count > 0);

UPDATE catalog.fingerprint f
SET algorithm_version = t.algorithm_version, active_window_count = t.active_window_count
FROM catalog.track t WHERE t.track_number = f.track_number;

ALTER TABLE catalog.fingerprint
    ALTER COLUMN algorithm_version SET NOT NULL,
    ALTER COLUMN active_window_count SET NOT NULL,
    DROP CONSTRAINT fingerprint_pkey,
    ADD PRIMARY KEY (track_number, algorithm_version);

-- Counts, and finds to delete, what is not of the version that is searched; mostly nothing.
CREATE INDEX fingerprint_version ON catalog.fingerprint (algorithm_version, track_number);

-- The version searched by: that of `serving`. 0 only between this migration and the first start.
ALTER TABLE catalog.ledger
    ADD COLUMN algorithm_version integer NOT NULL DEFAULT 0,
    ADD COLUMN building_algorithm_version integer NOT NULL DEFAULT 0;

-- A catalogue that was begun has the version of its tracks, or the only one there was.
UPDATE catalog.ledger SET algorithm_version =
    coalesce((SELECT max(t.algorithm_version) FROM catalog.track t), 1)
WHERE last_generation > 0 OR EXISTS (SELECT FROM catalog.track);

UPDATE catalog.ledger SET building_algorithm_version = algorithm_version WHERE building > 0;

ALTER TABLE catalog.track DROP COLUMN algorithm_version, DROP COLUMN active_window_count;
