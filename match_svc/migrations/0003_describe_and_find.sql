-- What a registrant says of a track may change; tracks are found by their words.

ALTER TABLE catalog.track
    ADD COLUMN artists text[] NOT NULL DEFAULT '{}',
    -- Name of a catalogue to the id there, both text.
    ADD COLUMN external_ids jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN label text NOT NULL DEFAULT '',
    ADD COLUMN release_date text NOT NULL DEFAULT '',
    -- Counts the changes of what is said; a cache names an entry by it.
    ADD COLUMN revision integer NOT NULL DEFAULT 1,
    ADD COLUMN update_time timestamptz NOT NULL DEFAULT now();

UPDATE catalog.track SET update_time = create_time;

CREATE INDEX track_isrc ON catalog.track (isrc);
CREATE INDEX track_external_ids ON catalog.track USING gin (external_ids jsonb_path_ops);

-- The words of each track, folded. Written with the track, in its transaction; rows of another
-- folding, or none, are made anew after the start.
CREATE TABLE catalog.track_text (
    track_number bigint PRIMARY KEY REFERENCES catalog.track ON DELETE CASCADE,
    folding_version integer NOT NULL,
    -- Title, artists, album: what a result is ranked by.
    folded text[] NOT NULL,
    -- What it is found by: words, words less one letter, sounds, whole fields.
    lexemes tsvector NOT NULL
);

-- Without the list of pending entries, which every search would have to read.
CREATE INDEX track_text_lexemes ON catalog.track_text USING gin (lexemes) WITH (fastupdate = off);
