-- One shape for each kind of thing, whatever source it came from.  source_seen is the
-- raw object's last_seen: an object that was seen later is transformed again.

CREATE TABLE IF NOT EXISTS email_messages (
	idem_key TEXT PRIMARY KEY, source_system TEXT NOT NULL, connection_name TEXT NOT NULL,
	message_id TEXT NOT NULL, thread_id TEXT, mailbox_ids TEXT,
	is_read INTEGER, is_flagged INTEGER, is_draft INTEGER,
	subject TEXT, from_email TEXT, from_name TEXT, to_addresses TEXT, cc_addresses TEXT,
	sent_at TEXT, received_at TEXT, preview TEXT, body_text TEXT, has_attachment INTEGER, size_bytes INTEGER,
	transform_ref TEXT NOT NULL, source_seen TEXT NOT NULL, correlation_id TEXT, canonicalized_at TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS contacts (
	idem_key TEXT PRIMARY KEY, source_system TEXT NOT NULL, connection_name TEXT NOT NULL,
	contact_id TEXT NOT NULL, client_number TEXT, first_name TEXT, last_name TEXT, full_name TEXT,
	email TEXT, phone TEXT, birth_date TEXT, status TEXT, created_at TEXT, modified_at TEXT,
	transform_ref TEXT NOT NULL, source_seen TEXT NOT NULL, correlation_id TEXT, canonicalized_at TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS clinical_sessions (
	idem_key TEXT PRIMARY KEY, source_system TEXT NOT NULL, connection_name TEXT NOT NULL,
	session_id TEXT NOT NULL, contact_id TEXT, title TEXT, session_number INTEGER, session_at TEXT,
	duration_minutes INTEGER, session_type TEXT, status TEXT, created_at TEXT, modified_at TEXT,
	transform_ref TEXT NOT NULL, source_seen TEXT NOT NULL, correlation_id TEXT, canonicalized_at TEXT NOT NULL
);

-- Three rows for each session.  content is null where the session has no such text (any more).
CREATE TABLE IF NOT EXISTS session_documents (
	idem_key TEXT PRIMARY KEY, source_system TEXT NOT NULL, connection_name TEXT NOT NULL,
	session_id TEXT NOT NULL, contact_id TEXT, session_at TEXT,
	kind TEXT NOT NULL CHECK (kind IN ('transcript', 'note', 'summary')),
	content TEXT, modified_at TEXT,
	transform_ref TEXT NOT NULL, source_seen TEXT NOT NULL, correlation_id TEXT, canonicalized_at TEXT NOT NULL
);
CREATE VIEW IF NOT EXISTS session_transcripts AS
	SELECT * FROM session_documents WHERE kind = 'transcript' AND content IS NOT NULL;
CREATE VIEW IF NOT EXISTS session_notes AS
	SELECT * FROM session_documents WHERE kind = 'note' AND content IS NOT NULL;
CREATE VIEW IF NOT EXISTS session_summaries AS
	SELECT * FROM session_documents WHERE kind = 'summary' AND content IS NOT NULL;

CREATE TABLE IF NOT EXISTS reports (
	idem_key TEXT PRIMARY KEY, source_system TEXT NOT NULL, connection_name TEXT NOT NULL,
	report_id TEXT NOT NULL, contact_id TEXT, session_id TEXT, title TEXT, report_type TEXT, content TEXT,
	report_date TEXT, status TEXT, created_at TEXT, modified_at TEXT,
	transform_ref TEXT NOT NULL, source_seen TEXT NOT NULL, correlation_id TEXT, canonicalized_at TEXT NOT NULL
);

-- Amounts are in the smallest unit of the currency.
CREATE TABLE IF NOT EXISTS customers (
	idem_key TEXT PRIMARY KEY, source_system TEXT NOT NULL, connection_name TEXT NOT NULL,
	customer_id TEXT NOT NULL, email TEXT, name TEXT, currency TEXT, balance INTEGER, delinquent INTEGER,
	deleted INTEGER, created_at TEXT,
	transform_ref TEXT NOT NULL, source_seen TEXT NOT NULL, correlation_id TEXT, canonicalized_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS invoices (
	idem_key TEXT PRIMARY KEY, source_system TEXT NOT NULL, connection_name TEXT NOT NULL,
	invoice_id TEXT NOT NULL, customer_id TEXT, number TEXT, status TEXT, currency TEXT,
	amount_due INTEGER, amount_paid INTEGER, total INTEGER, due_at TEXT, created_at TEXT,
	transform_ref TEXT NOT NULL, source_seen TEXT NOT NULL, correlation_id TEXT, canonicalized_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS payments (
	idem_key TEXT PRIMARY KEY, source_system TEXT NOT NULL, connection_name TEXT NOT NULL,
	payment_id TEXT NOT NULL, customer_id TEXT, invoice_id TEXT, status TEXT, currency TEXT,
	amount INTEGER, amount_received INTEGER, description TEXT, created_at TEXT,
	transform_ref TEXT NOT NULL, source_seen TEXT NOT NULL, correlation_id TEXT, canonicalized_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS refunds (
	idem_key TEXT PRIMARY KEY, source_system TEXT NOT NULL, connection_name TEXT NOT NULL,
	refund_id TEXT NOT NULL, payment_id TEXT, charge_id TEXT, status TEXT, currency TEXT,
	amount INTEGER, reason TEXT, created_at TEXT,
	transform_ref TEXT NOT NULL, source_seen TEXT NOT NULL, correlation_id TEXT, canonicalized_at TEXT NOT NULL
);

-- answers: JSON, question -> text, list of texts, or null
CREATE TABLE IF NOT EXISTS form_responses (
	idem_key TEXT PRIMARY KEY, source_system TEXT NOT NULL, connection_name TEXT NOT NULL,
	response_id TEXT NOT NULL, form_id TEXT NOT NULL, respondent_email TEXT, submitted_at TEXT, created_at TEXT,
	answers TEXT NOT NULL,
	transform_ref TEXT NOT NULL, source_seen TEXT NOT NULL, correlation_id TEXT, canonicalized_at TEXT NOT NULL
);
