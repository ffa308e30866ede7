-- What forms say when they are scored.  source_seen is the stamp of what a row was made of.

CREATE TABLE IF NOT EXISTS measurement_events (
	idem_key TEXT PRIMARY KEY,	-- key of the response # instrument
	response_key TEXT NOT NULL, response_id TEXT NOT NULL, form_id TEXT NOT NULL,
	respondent_email TEXT, submitted_at TEXT,
	instrument TEXT NOT NULL, instrument_version TEXT NOT NULL,
	status TEXT NOT NULL CHECK (status IN ('complete', 'incomplete', 'invalid')),
	items_total INTEGER NOT NULL, items_answered INTEGER NOT NULL,
	score INTEGER, severity TEXT,	-- null unless complete
	flags TEXT NOT NULL, scales TEXT NOT NULL, answers TEXT NOT NULL,	-- JSON
	source_seen TEXT NOT NULL, correlation_id TEXT, measured_at TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS observations (
	idem_key TEXT PRIMARY KEY,	-- key of the measurement event # code
	measurement_key TEXT NOT NULL, form_id TEXT NOT NULL, instrument TEXT NOT NULL,
	respondent_email TEXT, observed_at TEXT,
	kind TEXT NOT NULL CHECK (kind IN ('item', 'scale', 'total')),
	code TEXT NOT NULL, value INTEGER, label TEXT,
	source_seen TEXT NOT NULL, correlation_id TEXT, recorded_at TEXT NOT NULL
);
