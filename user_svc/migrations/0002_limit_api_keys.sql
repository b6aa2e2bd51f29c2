-- What one key may do, beside what its account may.

ALTER TABLE users.api_key
    -- Recognitions on one UTC day; 0 is no limit of its own.
    ADD COLUMN daily_recognition_limit integer NOT NULL DEFAULT 0
        CHECK (daily_recognition_limit >= 0);
