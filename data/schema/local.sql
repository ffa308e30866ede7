-- The projections: what people and the vault read.

CREATE TABLE IF NOT EXISTS clients (
	contact_id TEXT PRIMARY KEY, client_number TEXT, full_name TEXT, first_name TEXT, last_name TEXT,
	email TEXT, phone TEXT, birth_date TEXT, status TEXT, modified_at TEXT
);
CREATE TABLE IF NOT EXISTS sessions (
	session_id TEXT PRIMARY KEY, contact_id TEXT, title TEXT, session_number INTEGER, session_at TEXT,
	duration_minutes INTEGER, session_type TEXT, status TEXT, modified_at TEXT
);
CREATE TABLE IF NOT EXISTS transcripts (
	session_id TEXT PRIMARY KEY, contact_id TEXT, session_at TEXT, content TEXT, modified_at TEXT
);
CREATE TABLE IF NOT EXISTS clinical_documents (
	document_id TEXT PRIMARY KEY, kind TEXT NOT NULL, contact_id TEXT, session_id TEXT, title TEXT,
	dated TEXT, content TEXT, modified_at TEXT
);
CREATE TABLE IF NOT EXISTS form_responses (
	response_key TEXT PRIMARY KEY, response_id TEXT, form_id TEXT, respondent_email TEXT, submitted_at TEXT,
	answers TEXT
);
CREATE TABLE IF NOT EXISTS contact_events (
	event_key TEXT PRIMARY KEY, kind TEXT NOT NULL, contact_id TEXT, email TEXT, happened_at TEXT, title TEXT
);
CREATE TABLE IF NOT EXISTS measurement_events (
	measurement_key TEXT PRIMARY KEY, form_id TEXT, instrument TEXT, respondent_email TEXT, submitted_at TEXT,
	status TEXT, score INTEGER, severity TEXT, flags TEXT
);
CREATE TABLE IF NOT EXISTS observations (
	observation_key TEXT PRIMARY KEY, measurement_key TEXT, instrument TEXT, respondent_email TEXT,
	observed_at TEXT, kind TEXT, code TEXT, value INTEGER, label TEXT
);
