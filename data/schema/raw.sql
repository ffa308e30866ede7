-- What the exports said, object by object, and what was wrong with them.
-- The log of exports, wal_domain_events, is made by the first event.

CREATE TABLE IF NOT EXISTS raw_objects (
	idem_key TEXT PRIMARY KEY,	-- source_system:connection_name:object_type:id
	source_system TEXT NOT NULL,
	connection_name TEXT NOT NULL,
	object_type TEXT NOT NULL,
	external_id TEXT NOT NULL,
	payload TEXT NOT NULL,
	correlation_id TEXT,
	first_seen TEXT NOT NULL,
	last_seen TEXT NOT NULL		-- when this state of it came
);
CREATE INDEX IF NOT EXISTS raw_objects_by_source
	ON raw_objects (source_system, object_type, connection_name);

-- Records that no object could be made of.
CREATE TABLE IF NOT EXISTS rejects (
	reject_key TEXT PRIMARY KEY,
	source_system TEXT NOT NULL,
	connection_name TEXT NOT NULL,
	object_type TEXT NOT NULL,
	reason TEXT NOT NULL CHECK (reason IN ('missing_id', 'bad_id', 'not_an_object', 'tombstone', 'too_deep')),
	file TEXT NOT NULL,
	position INTEGER NOT NULL,	-- of the record in the file, from 1
	payload TEXT NOT NULL,
	correlation_id TEXT,
	first_seen TEXT NOT NULL
);

-- The last finding of each rule of the validate_ jobs.
CREATE TABLE IF NOT EXISTS validations (
	check_key TEXT PRIMARY KEY,	-- job/rule/field
	job TEXT NOT NULL,
	rule TEXT NOT NULL,
	field TEXT NOT NULL,
	checked INTEGER NOT NULL,
	broken INTEGER NOT NULL,
	sample TEXT NOT NULL,		-- keys of some objects that break it
	correlation_id TEXT,
	first_seen TEXT NOT NULL
);
