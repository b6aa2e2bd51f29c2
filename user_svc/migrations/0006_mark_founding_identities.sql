-- Whether the account was made with the identity: only such a one proves whose the account is. Any
-- other could have been linked by whoever has stolen a session.
ALTER TABLE users.identity ADD COLUMN founding boolean NOT NULL DEFAULT false;

-- Both rows were made in one transaction, which has one time.
UPDATE users.identity i SET founding = true FROM users.account a
    WHERE a.user_id = i.user_id AND a.create_time = i.create_time;
