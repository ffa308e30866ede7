-- The ledger's tables and views, version 1.  Released: never edited; the next number is added.
--
-- How rows are numbered: runs.no is small.  Whatever is counted within a run carries both
-- numbers in one integer, id = run * 4294967296 + number, so it is found by one integer, lies
-- beside its run's other rows, and is appended, which is the quickest thing a B-tree can do.
--
-- States, reasons and events are stored as numbers of the tables states, reasons and
-- event_kinds, which the program fills from the lists it is made from: a new word needs no upgrade.
-- References are declared for the reader and verified by fsck; SQLite does not enforce them, which
-- would make writing a third slower.
--
-- Views are the interface.  A line `-- VIEW: ...` or `-- VIEW.COLUMN: ...` documents each;
-- doc/ledger-views is made from them.

CREATE TABLE states (
	no INTEGER PRIMARY KEY,
	word TEXT NOT NULL,
	final INTEGER NOT NULL,
	ok INTEGER NOT NULL,
	failure INTEGER NOT NULL,
	sentence TEXT NOT NULL
);
CREATE TABLE reasons (
	no INTEGER PRIMARY KEY,
	word TEXT NOT NULL,
	sentence TEXT NOT NULL
);
CREATE TABLE event_kinds (
	no INTEGER PRIMARY KEY,
	word TEXT NOT NULL,
	sentence TEXT NOT NULL
);

CREATE TABLE definitions (
	no INTEGER PRIMARY KEY,
	sha TEXT NOT NULL UNIQUE CHECK (length(sha) = 64),
	json TEXT NOT NULL
);

CREATE TABLE runs (
	no INTEGER PRIMARY KEY CHECK (no BETWEEN 1 AND 2147483647),
	id TEXT NOT NULL UNIQUE CHECK (length(id) = 26),
	target TEXT NOT NULL,
	title TEXT,
	state INTEGER NOT NULL REFERENCES states (no),
	degraded INTEGER NOT NULL DEFAULT 0 CHECK (degraded IN (0, 1)),
	quarantined INTEGER NOT NULL DEFAULT 0 CHECK (quarantined IN (0, 1)),
	exit_code INTEGER,
	start_wall_ms INTEGER NOT NULL,
	start_mono_ns INTEGER NOT NULL,
	end_wall_ms INTEGER,
	duration_ms INTEGER,
	total INTEGER NOT NULL DEFAULT 0,
	settled INTEGER NOT NULL DEFAULT 0,
	running INTEGER NOT NULL DEFAULT 0,
	succeeded INTEGER NOT NULL DEFAULT 0,
	failed INTEGER NOT NULL DEFAULT 0,
	skipped INTEGER NOT NULL DEFAULT 0,
	slots INTEGER NOT NULL,
	resumes TEXT,
	parent TEXT,
	error TEXT,
	CHECK ((end_wall_ms IS NULL) = (exit_code IS NULL))
);
CREATE INDEX runs_target ON runs (target);
CREATE INDEX runs_open ON runs (no) WHERE end_wall_ms IS NULL;

-- What is long, and not wanted where runs are listed.
CREATE TABLE run_texts (
	run INTEGER PRIMARY KEY REFERENCES runs (no),
	definition INTEGER REFERENCES definitions (no),
	format TEXT,
	source TEXT,
	command TEXT,
	root TEXT,
	journal TEXT,
	nonce INTEGER NOT NULL,
	log_dir TEXT,
	boot_id TEXT,
	pid INTEGER NOT NULL,
	pid_start INTEGER NOT NULL,
	host TEXT,
	user TEXT,
	version TEXT,
	params TEXT,
	payload TEXT,
	ctx TEXT,
	options TEXT,
	result TEXT
);
CREATE INDEX run_texts_definition ON run_texts (definition);

CREATE TABLE run_vars (
	run INTEGER NOT NULL REFERENCES runs (no),
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (run, name)
) WITHOUT ROWID;

-- id: run and number of the fragment
CREATE TABLE fragments (
	id INTEGER PRIMARY KEY,
	json TEXT NOT NULL
);

-- id: run and group
CREATE TABLE jobs (
	id INTEGER PRIMARY KEY,
	parent INTEGER,
	name TEXT NOT NULL,
	job TEXT,
	kind TEXT NOT NULL,
	params TEXT,
	state INTEGER NOT NULL REFERENCES states (no),
	reason INTEGER NOT NULL REFERENCES reasons (no),
	cause TEXT,
	error TEXT,
	degraded INTEGER NOT NULL DEFAULT 0 CHECK (degraded IN (0, 1)),
	end_wall_ms INTEGER,
	duration_ms INTEGER,
	total INTEGER NOT NULL DEFAULT 0,
	succeeded INTEGER NOT NULL DEFAULT 0,
	failed INTEGER NOT NULL DEFAULT 0,
	skipped INTEGER NOT NULL DEFAULT 0,
	result TEXT
);

-- What a step does, the same in every run.
CREATE TABLE instances (
	no INTEGER PRIMARY KEY,
	key TEXT NOT NULL UNIQUE,
	name TEXT NOT NULL,
	job TEXT,
	step TEXT,
	cell TEXT
);
CREATE INDEX instances_name ON instances (name);

-- id: run and unit; name: only if it is not that of the instance
CREATE TABLE steps (
	id INTEGER PRIMARY KEY,
	instance INTEGER NOT NULL REFERENCES instances (no),
	job INTEGER,
	name TEXT,
	critical INTEGER NOT NULL CHECK (critical IN (0, 1)),
	state INTEGER NOT NULL REFERENCES states (no),
	reason INTEGER NOT NULL REFERENCES reasons (no),
	attempts INTEGER NOT NULL DEFAULT 0,
	degraded INTEGER NOT NULL DEFAULT 0 CHECK (degraded IN (0, 1)),
	end_wall_ms INTEGER,
	duration_ms INTEGER,
	exit_code INTEGER,
	signal INTEGER,
	cause TEXT,
	error TEXT,
	fingerprint TEXT,
	result TEXT
);
CREATE INDEX steps_instance ON steps (instance);
CREATE INDEX steps_name ON steps (name) WHERE name IS NOT NULL;

-- id: run and serial; step: an id of steps; phase: 0 intent, 1 running, 2 ended, 3 never used
CREATE TABLE attempts (
	id INTEGER PRIMARY KEY,
	step INTEGER NOT NULL REFERENCES steps (id),
	number INTEGER NOT NULL CHECK (number > 0),
	phase INTEGER NOT NULL DEFAULT 0 CHECK (phase BETWEEN 0 AND 3),
	state INTEGER REFERENCES states (no),
	reason INTEGER REFERENCES reasons (no),
	start_wall_ms INTEGER,
	start_mono_ns INTEGER,
	end_wall_ms INTEGER,
	duration_us INTEGER,
	exit_code INTEGER,
	signal INTEGER,
	start_errno INTEGER,
	stage TEXT,
	user_us INTEGER,
	system_us INTEGER,
	max_rss_kib INTEGER,
	leftovers INTEGER,
	pid INTEGER,
	timeout_ms INTEGER,
	grace_ms INTEGER,
	policy TEXT,
	log TEXT,
	log_offset INTEGER,
	log_bytes INTEGER,
	out TEXT,
	command TEXT,
	provides TEXT,
	consumes TEXT,
	error TEXT,
	CHECK ((phase = 2) = (state IS NOT NULL))
);
CREATE INDEX attempts_step ON attempts (step);

-- id: run and seq; unit: NULL about the run; name: only if there is no step of that unit
CREATE TABLE events (
	id INTEGER PRIMARY KEY,
	kind INTEGER NOT NULL REFERENCES event_kinds (no),
	wall_ms INTEGER NOT NULL,
	mono_ns INTEGER NOT NULL,
	unit INTEGER,
	attempt INTEGER,
	state INTEGER REFERENCES states (no),
	reason INTEGER REFERENCES reasons (no),
	exit_code INTEGER,
	signal INTEGER,
	duration_ms INTEGER,
	due_ms INTEGER,
	cause TEXT,
	error TEXT,
	name TEXT
);

CREATE TABLE artifacts (
	step INTEGER NOT NULL REFERENCES steps (id),
	name TEXT NOT NULL,
	kind TEXT,
	path TEXT,
	value TEXT,
	digest TEXT,
	size_bytes INTEGER,
	PRIMARY KEY (step, name)
) WITHOUT ROWID;

-- The last five successes of an instance, in microseconds, newest first.
CREATE TABLE durations (
	instance INTEGER PRIMARY KEY REFERENCES instances (no),
	n INTEGER NOT NULL,
	d1 INTEGER NOT NULL,
	d2 INTEGER,
	d3 INTEGER,
	d4 INTEGER,
	d5 INTEGER
);

-- What the last success was made from.
CREATE TABLE fingerprints (
	key TEXT PRIMARY KEY,
	fingerprint TEXT NOT NULL,
	wall_ms INTEGER NOT NULL
) WITHOUT ROWID;

-- open_until_ms: NULL closed; else refused until then
CREATE TABLE breakers (
	name TEXT PRIMARY KEY,
	failures INTEGER NOT NULL,
	first_failure_ms INTEGER,
	last_failure_ms INTEGER,
	cooldown_ms INTEGER NOT NULL,
	open_until_ms INTEGER
) WITHOUT ROWID;

CREATE TABLE approvals (
	step INTEGER PRIMARY KEY,
	approved INTEGER NOT NULL CHECK (approved IN (0, 1)),
	by TEXT,
	note TEXT,
	wall_ms INTEGER NOT NULL
);

-- v_runs: every run, oldest first
-- v_runs.run: its id
-- v_runs.target: what was asked for
-- v_runs.title: what people call it: a plan's plan_id, or the target
-- v_runs.state: pending, running, waiting, or how it ended; quarantined if a breaker stopped it
-- v_runs.degraded: 1 if something failed that was not critical
-- v_runs.exit_code: of the program; NULL while it goes on
-- v_runs.start_time: when it began, UTC
-- v_runs.end_time: when it ended, UTC; NULL while it goes on
-- v_runs.duration_ms: how long it took
-- v_runs.total: steps it consists of
-- v_runs.settled: those that have reached a final state
-- v_runs.running: those that run
-- v_runs.succeeded: those that ended well
-- v_runs.failed: those that did not
-- v_runs.skipped: those that never ran
-- v_runs.slots: how many steps could run at once
-- v_runs.command: the command line
-- v_runs.source: the Jobfile
-- v_runs.log_dir: where its logs are
-- v_runs.params: parameters, JSON
-- v_runs.payload: the payload, JSON
-- v_runs.result: the result document, JSON
-- v_runs.error: what stopped it, if no step did
-- v_runs.resumes: id of the run it goes on with
-- v_runs.parent: id of the run that a step of started it
-- v_runs.definition: SHA-256 of its definition
-- v_runs.host: the machine
-- v_runs.user: who started it
-- v_runs.version: of orchmake
-- v_runs.no: its number in this ledger
CREATE VIEW v_runs AS
SELECT r.id AS run, r.target, coalesce(r.title, r.target) AS title,
	CASE WHEN r.quarantined THEN 'quarantined' ELSE (SELECT word FROM states WHERE no = r.state) END AS state,
	r.degraded, r.exit_code,
	strftime('%Y-%m-%dT%H:%M:%fZ', r.start_wall_ms / 1000.0, 'unixepoch') AS start_time,
	strftime('%Y-%m-%dT%H:%M:%fZ', r.end_wall_ms / 1000.0, 'unixepoch') AS end_time,
	r.duration_ms, r.total, r.settled, r.running, r.succeeded, r.failed, r.skipped, r.slots,
	t.command, t.source, t.log_dir, t.params, t.payload, t.result, r.error, r.resumes, r.parent,
	(SELECT sha FROM definitions WHERE no = t.definition) AS definition,
	t.host, t.user, t.version, r.no
FROM runs AS r LEFT JOIN run_texts AS t ON t.run = r.no;

-- v_jobs: jobs with members, of every run
-- v_jobs.run: id of the run
-- v_jobs.job: as people see it
-- v_jobs.kind: job, composite, family (of a matrix), steps, call, root, support
-- v_jobs.state: where it stands
-- v_jobs.degraded: 1 if something failed that was not critical
-- v_jobs.reason: why it stands there
-- v_jobs.cause: what the reason is about
-- v_jobs.error: the failure's text
-- v_jobs.end_time: when it settled, UTC
-- v_jobs.duration_ms: from its first start to its end
-- v_jobs.total: its members
-- v_jobs.succeeded: members that ended well
-- v_jobs.failed: members that did not
-- v_jobs.skipped: members that never ran
-- v_jobs.params: its parameters, JSON
-- v_jobs.result: what it returned, JSON
-- v_jobs.number: of the job within the run
-- v_jobs.parent: number of the job it belongs to
CREATE VIEW v_jobs AS
SELECT r.id AS run, j.name AS job, j.kind, (SELECT word FROM states WHERE no = j.state) AS state, j.degraded,
	(SELECT word FROM reasons WHERE no = j.reason) AS reason, j.cause, j.error,
	strftime('%Y-%m-%dT%H:%M:%fZ', j.end_wall_ms / 1000.0, 'unixepoch') AS end_time, j.duration_ms,
	j.total, j.succeeded, j.failed, j.skipped, j.params, j.result, j.id & 4294967295 AS number, j.parent
FROM runs AS r JOIN jobs AS j ON j.id BETWEEN r.no * 4294967296 AND r.no * 4294967296 + 4294967295;

-- v_steps: every step of every run, whatever became of it
-- v_steps.run: id of the run
-- v_steps.step: as people see it
-- v_steps.state: where it stands
-- v_steps.reason: why it stands there, a word
-- v_steps.why: the same, a sentence
-- v_steps.cause: what the reason is about
-- v_steps.error: the failure's text
-- v_steps.critical: 0 if its failure does not spoil its job
-- v_steps.degraded: 1 if it failed and that did not count
-- v_steps.attempts: how many were begun
-- v_steps.exit_code: of the last attempt
-- v_steps.signal: that ended the last attempt
-- v_steps.end_time: when it settled, UTC
-- v_steps.duration_ms: from its first start to its end
-- v_steps.key: what it does, the same in every run: job, parameters, matrix cell, step
-- v_steps.job: its job in the Jobfile
-- v_steps.fingerprint: what it was made from
-- v_steps.result: what it gives to others, JSON
-- v_steps.number: of the step within the run
CREATE VIEW v_steps AS
SELECT r.id AS run, coalesce(s.name, i.name) AS step, (SELECT word FROM states WHERE no = s.state) AS state,
	(SELECT word FROM reasons WHERE no = s.reason) AS reason,
	(SELECT replace(sentence, '%s', coalesce(s.cause, s.error, '?')) FROM reasons WHERE no = s.reason) AS why,
	s.cause, s.error, s.critical, s.degraded, s.attempts, s.exit_code, s.signal,
	strftime('%Y-%m-%dT%H:%M:%fZ', s.end_wall_ms / 1000.0, 'unixepoch') AS end_time, s.duration_ms,
	i.key, i.job, s.fingerprint, s.result, s.id & 4294967295 AS number
FROM runs AS r
JOIN steps AS s ON s.id BETWEEN r.no * 4294967296 AND r.no * 4294967296 + 4294967295
LEFT JOIN instances AS i ON i.no = s.instance;

-- v_attempts: every try of every step
-- v_attempts.run: id of the run
-- v_attempts.step: as people see it
-- v_attempts.attempt: 1 is the first of its step
-- v_attempts.serial: within the run
-- v_attempts.phase: intent, running, ended, unused
-- v_attempts.state: how it ended
-- v_attempts.reason: why, a word
-- v_attempts.error: the failure's text
-- v_attempts.exit_code: NULL if a signal ended it
-- v_attempts.signal: that ended it
-- v_attempts.start_errno: why it could not be started
-- v_attempts.stage: what failed when it was started
-- v_attempts.start_time: when it began, UTC
-- v_attempts.end_time: when it ended, UTC
-- v_attempts.duration_ms: how long it took, with fractions
-- v_attempts.user_ms: processor time
-- v_attempts.system_ms: processor time in the kernel
-- v_attempts.max_rss_kib: the most memory it held
-- v_attempts.leftovers: processes that were killed after it had ended
-- v_attempts.pid: of its first process
-- v_attempts.timeout_ms: in effect; NULL for none
-- v_attempts.grace_ms: from TERM to KILL
-- v_attempts.policy: what its failure does
-- v_attempts.provides: JSON
-- v_attempts.consumes: JSON
-- v_attempts.command: one line
-- v_attempts.log: path
-- v_attempts.log_offset: where in it the attempt begins
-- v_attempts.log_bytes: how much it wrote
-- v_attempts.out: path of its standard output, if apart
-- v_attempts.key: what the step does, the same in every run
CREATE VIEW v_attempts AS
SELECT r.id AS run, coalesce(s.name, i.name) AS step, a.number AS attempt, a.id & 4294967295 AS serial,
	CASE a.phase WHEN 0 THEN 'intent' WHEN 1 THEN 'running' WHEN 2 THEN 'ended' ELSE 'unused' END AS phase,
	(SELECT word FROM states WHERE no = a.state) AS state, (SELECT word FROM reasons WHERE no = a.reason) AS reason,
	a.error, a.exit_code, a.signal, a.start_errno, a.stage,
	strftime('%Y-%m-%dT%H:%M:%fZ', a.start_wall_ms / 1000.0, 'unixepoch') AS start_time,
	strftime('%Y-%m-%dT%H:%M:%fZ', a.end_wall_ms / 1000.0, 'unixepoch') AS end_time,
	a.duration_us / 1000.0 AS duration_ms, a.user_us / 1000.0 AS user_ms, a.system_us / 1000.0 AS system_ms,
	a.max_rss_kib, a.leftovers, a.pid, a.timeout_ms, a.grace_ms, a.policy, a.provides, a.consumes, a.command,
	a.log, a.log_offset, a.log_bytes, a.out, i.key
FROM runs AS r
JOIN attempts AS a ON a.id BETWEEN r.no * 4294967296 AND r.no * 4294967296 + 4294967295
LEFT JOIN steps AS s ON s.id = a.step
LEFT JOIN instances AS i ON i.no = s.instance;

-- v_events: everything that was told, in order within a run
-- v_events.run: id of the run
-- v_events.seq: from 1, without gaps
-- v_events.time: UTC
-- v_events.event: its type
-- v_events.step: step or job it is about; NULL: the run
-- v_events.attempt: number of the attempt; NULL: none
-- v_events.state: state reached
-- v_events.reason: why, a word
-- v_events.cause: what the reason is about
-- v_events.error: the failure's text
-- v_events.exit_code: of the attempt
-- v_events.signal: that ended the attempt
-- v_events.duration_ms: how long it took
-- v_events.due_ms: pause before the next attempt
CREATE VIEW v_events AS
SELECT r.id AS run, e.id & 4294967295 AS seq,
	strftime('%Y-%m-%dT%H:%M:%fZ', e.wall_ms / 1000.0, 'unixepoch') AS time,
	(SELECT word FROM event_kinds WHERE no = e.kind) AS event, coalesce(e.name, s.name, i.name) AS step, e.attempt,
	(SELECT word FROM states WHERE no = e.state) AS state, (SELECT word FROM reasons WHERE no = e.reason) AS reason,
	e.cause, e.error, e.exit_code, e.signal, e.duration_ms, e.due_ms
FROM runs AS r
JOIN events AS e ON e.id BETWEEN r.no * 4294967296 AND r.no * 4294967296 + 4294967295
LEFT JOIN steps AS s ON s.id = r.no * 4294967296 + e.unit
LEFT JOIN instances AS i ON i.no = s.instance;

-- v_timeline: seed of a Gantt chart: every attempt that began, with milliseconds since the run's start
-- v_timeline.run: id of the run
-- v_timeline.step: as people see it
-- v_timeline.attempt: number of the attempt
-- v_timeline.state: how it ended, or running
-- v_timeline.begin_ms: since the run's start
-- v_timeline.end_ms: since the run's start; NULL while it runs
CREATE VIEW v_timeline AS
SELECT r.id AS run, coalesce(s.name, i.name) AS step, a.number AS attempt,
	coalesce((SELECT word FROM states WHERE no = a.state), 'running') AS state,
	a.start_wall_ms - r.start_wall_ms AS begin_ms,
	coalesce(a.start_wall_ms + a.duration_us / 1000, a.end_wall_ms) - r.start_wall_ms AS end_ms
FROM runs AS r
JOIN attempts AS a ON a.id BETWEEN r.no * 4294967296 AND r.no * 4294967296 + 4294967295
LEFT JOIN steps AS s ON s.id = a.step
LEFT JOIN instances AS i ON i.no = s.instance
WHERE a.start_wall_ms IS NOT NULL;

-- v_durations: how long a step takes, from its last five successes
-- v_durations.key: what the step does, the same in every run
-- v_durations.step: as people see it
-- v_durations.successes: how many there were
-- v_durations.expected_ms: their mean, without the shortest and the longest if there are three or more
-- v_durations.last_ms: of the last one
CREATE VIEW v_durations AS
SELECT i.key, i.name AS step, d.n AS successes,
	CASE WHEN d.d3 IS NULL THEN (d.d1 + coalesce(d.d2, d.d1)) / 2000.0
	ELSE (d.d1 + d.d2 + d.d3 + coalesce(d.d4, 0) + coalesce(d.d5, 0)
		- max(d.d1, d.d2, d.d3, coalesce(d.d4, 0), coalesce(d.d5, 0))
		- min(d.d1, d.d2, d.d3, coalesce(d.d4, d.d1), coalesce(d.d5, d.d1))) / 1000.0
		/ (1 + (d.d4 IS NOT NULL) + (d.d5 IS NOT NULL)) END AS expected_ms,
	d.d1 / 1000.0 AS last_ms
FROM durations AS d JOIN instances AS i ON i.no = d.instance;

-- v_active_runs: runs that have not ended
-- v_active_runs.run: id of the run
-- v_active_runs.target: what was asked for
-- v_active_runs.title: what people call it
-- v_active_runs.state: pending, running or waiting
-- v_active_runs.start_time: when it began, UTC
-- v_active_runs.elapsed_ms: since then
-- v_active_runs.percent: of its steps that have settled
-- v_active_runs.pid: of its driver
-- v_active_runs.host: where that is
CREATE VIEW v_active_runs AS
SELECT r.id AS run, r.target, coalesce(r.title, r.target) AS title,
	(SELECT word FROM states WHERE no = r.state) AS state,
	strftime('%Y-%m-%dT%H:%M:%fZ', r.start_wall_ms / 1000.0, 'unixepoch') AS start_time,
	CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) - r.start_wall_ms AS elapsed_ms,
	CASE WHEN r.total > 0 THEN 100 * r.settled / r.total ELSE 0 END AS percent, t.pid, t.host
FROM runs AS r LEFT JOIN run_texts AS t ON t.run = r.no
WHERE r.end_wall_ms IS NULL;

-- v_progress: how far each run has come, of all its steps and not only of those begun
-- v_progress.run: id of the run
-- v_progress.target: what was asked for
-- v_progress.state: where the run stands
-- v_progress.total: its steps
-- v_progress.settled: those in a final state
-- v_progress.running: those that run
-- v_progress.failed: those that failed
-- v_progress.waiting: those that do neither yet
-- v_progress.percent: settled of total, rounded down
CREATE VIEW v_progress AS
SELECT r.id AS run, r.target,
	CASE WHEN r.quarantined THEN 'quarantined' ELSE (SELECT word FROM states WHERE no = r.state) END AS state,
	r.total, r.settled, r.running, r.failed, r.total - r.settled - r.running AS waiting,
	CASE WHEN r.total > 0 THEN 100 * r.settled / r.total ELSE 0 END AS percent
FROM runs AS r;

-- v_current_steps: what runs now
-- v_current_steps.run: id of the run
-- v_current_steps.step: as people see it
-- v_current_steps.attempt: number of the attempt
-- v_current_steps.start_time: when the attempt began, UTC
-- v_current_steps.elapsed_ms: since then
-- v_current_steps.timeout_ms: after which it is stopped; NULL for never
-- v_current_steps.expected_ms: how long it took before; NULL if that is not known
-- v_current_steps.pid: of its first process
-- v_current_steps.command: one line
-- v_current_steps.log: path
CREATE VIEW v_current_steps AS
SELECT r.id AS run, coalesce(s.name, i.name) AS step, a.number AS attempt,
	strftime('%Y-%m-%dT%H:%M:%fZ', a.start_wall_ms / 1000.0, 'unixepoch') AS start_time,
	CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) - a.start_wall_ms AS elapsed_ms,
	a.timeout_ms, (SELECT expected_ms FROM v_durations AS d WHERE d.key = i.key) AS expected_ms,
	a.pid, a.command, a.log
FROM runs AS r
JOIN attempts AS a ON a.id BETWEEN r.no * 4294967296 AND r.no * 4294967296 + 4294967295 AND a.phase = 1
LEFT JOIN steps AS s ON s.id = a.step
LEFT JOIN instances AS i ON i.no = s.instance
WHERE r.end_wall_ms IS NULL;

-- v_failures: steps that failed
-- v_failures.run: id of the run
-- v_failures.step: as people see it
-- v_failures.state: failed, timed_out, interrupted or lost
-- v_failures.error: the failure's text
-- v_failures.exit_code: of the last attempt
-- v_failures.signal: that ended the last attempt
-- v_failures.attempts: how many were begun
-- v_failures.critical: 0 if it does not spoil its job
-- v_failures.end_time: when it settled, UTC
-- v_failures.log: of the last attempt
CREATE VIEW v_failures AS
SELECT r.id AS run, coalesce(s.name, i.name) AS step, (SELECT word FROM states WHERE no = s.state) AS state, s.error,
	s.exit_code, s.signal, s.attempts, s.critical,
	strftime('%Y-%m-%dT%H:%M:%fZ', s.end_wall_ms / 1000.0, 'unixepoch') AS end_time,
	(SELECT a.log FROM attempts AS a WHERE a.step = s.id ORDER BY a.id DESC LIMIT 1) AS log
FROM runs AS r
JOIN steps AS s ON s.id BETWEEN r.no * 4294967296 AND r.no * 4294967296 + 4294967295
LEFT JOIN instances AS i ON i.no = s.instance
WHERE s.state IN (SELECT no FROM states WHERE failure);

-- v_plans: the definition of each run, as it was
-- v_plans.definition: SHA-256 of it
-- v_plans.plan: what people call it: a plan's plan_id, or the target of its first run
-- v_plans.format: native, plan, lorchestra
-- v_plans.source: path it was read from
-- v_plans.runs: how many runs had it
-- v_plans.created_time: of the first of them, UTC
-- v_plans.json: canonical JSON
CREATE VIEW v_plans AS
SELECT d.sha AS definition, coalesce(r.title, r.target) AS plan, t.format, t.source,
	(SELECT count(*) FROM run_texts AS u WHERE u.definition = d.no) AS runs,
	strftime('%Y-%m-%dT%H:%M:%fZ', r.start_wall_ms / 1000.0, 'unixepoch') AS created_time, d.json
FROM definitions AS d
JOIN runs AS r ON r.no = (SELECT min(run) FROM run_texts WHERE definition = d.no)
JOIN run_texts AS t ON t.run = r.no;
