-- Version 8: numbers that move on, so that one read tells that nothing has changed.
-- freshness: in each transaction that changes what is known of successes (fingerprints)
CREATE TABLE counters (
	name TEXT PRIMARY KEY,
	n INTEGER NOT NULL
) WITHOUT ROWID;
