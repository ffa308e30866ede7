-- Version 7: a row that stands for several steps or events.
--
-- Steps that had nothing to do come in thousands, one after the other, and differ in their numbers only.  So a row of
-- steps stands for n of them: units id to id + n - 1, instances instance to instance + n - 1, all that the row says said
-- of each.  Such a row is final from the first, ended well, and has nothing that belongs to a single step: no name of
-- its own, no attempt, cause, error, result, fingerprint.  The row of events that begins at its unit with the same n
-- stands for the events that told it.
--
-- All instances of a row have the same instance >> 10, by which the rows that an instance is in are found.  v_steps says
-- it in such a way that SQLite finds them from either side.
ALTER TABLE steps ADD COLUMN n INTEGER NOT NULL DEFAULT 1 CHECK (n BETWEEN 1 AND 1024);
ALTER TABLE events ADD COLUMN n INTEGER NOT NULL DEFAULT 1 CHECK (n BETWEEN 1 AND 1024);
CREATE INDEX steps_ranges ON steps (instance >> 10) WHERE n > 1;

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
DROP VIEW v_steps;
CREATE VIEW v_steps AS
SELECT r.id AS run, coalesce(s.name, i.name) AS step, (SELECT word FROM states WHERE no = s.state) AS state,
	(SELECT word FROM reasons WHERE no = s.reason) AS reason,
	(SELECT replace(sentence, '%s', coalesce(s.cause, s.error, '?')) FROM reasons WHERE no = s.reason) AS why,
	s.cause, s.error, s.critical, s.degraded, s.attempts, s.exit_code, s.signal,
	strftime('%Y-%m-%dT%H:%M:%fZ', s.end_wall_ms / 1000.0, 'unixepoch') AS end_time, s.duration_ms,
	i.key, i.job, s.fingerprint, s.result, (s.id & 4294967295) + coalesce(i.no - s.instance, 0) AS number
FROM runs AS r
JOIN steps AS s ON s.id BETWEEN r.no * 4294967296 AND r.no * 4294967296 + 4294967295
LEFT JOIN instances AS i ON i.no = s.instance
	OR s.n > 1 AND s.instance >> 10 = i.no >> 10 AND i.no BETWEEN s.instance + 1 AND s.instance + s.n - 1;

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
DROP VIEW v_events;
CREATE VIEW v_events AS
SELECT r.id AS run, (e.id & 4294967295) + coalesce(i.no - s.instance, 0) AS seq,
	strftime('%Y-%m-%dT%H:%M:%fZ', e.wall_ms / 1000.0, 'unixepoch') AS time,
	(SELECT word FROM event_kinds WHERE no = e.kind) AS event, coalesce(e.name, s.name, i.name) AS step, e.attempt,
	(SELECT word FROM states WHERE no = e.state) AS state, (SELECT word FROM reasons WHERE no = e.reason) AS reason,
	e.cause, e.error, e.exit_code, e.signal, e.duration_ms, e.due_ms
FROM runs AS r
JOIN events AS e ON e.id BETWEEN r.no * 4294967296 AND r.no * 4294967296 + 4294967295
LEFT JOIN steps AS s ON s.id = r.no * 4294967296 + e.unit
LEFT JOIN instances AS i ON i.no BETWEEN s.instance AND s.instance + e.n - 1;

-- v_expected: how long what a step does is going to take, by how long it took before
-- v_expected.key: what the step does, the same in every run
-- v_expected.step: as people see it
-- v_expected.expected_ms: as in v_durations; 0 for what only joins others; NULL if nobody knows
-- v_expected.instance: its number in this ledger
DROP VIEW v_expected;
CREATE VIEW v_expected AS
SELECT i.key, i.name AS step, coalesce((SELECT expected_ms FROM v_durations AS d WHERE d.key = i.key),
		(SELECT 0.0 FROM steps AS s WHERE s.instance = i.no AND s.attempts = 0
			AND s.state = (SELECT no FROM states WHERE word = 'succeeded') LIMIT 1),
		(SELECT 0.0 FROM steps AS s WHERE s.n > 1 AND s.instance >> 10 = i.no >> 10
			AND i.no BETWEEN s.instance AND s.instance + s.n - 1
			AND s.state = (SELECT no FROM states WHERE word = 'succeeded') LIMIT 1)) AS expected_ms,
	i.no AS instance
FROM instances AS i;

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
-- v_progress.weighted_percent: the same, each step counted by how long it took before; NULL if that is known of none
DROP VIEW v_progress;
CREATE VIEW v_progress AS
SELECT r.id AS run, r.target,
	CASE WHEN r.quarantined THEN 'quarantined' ELSE (SELECT word FROM states WHERE no = r.state) END AS state,
	r.total, r.settled, r.running, r.failed, r.total - r.settled - r.running AS waiting,
	CASE WHEN r.total > 0 THEN 100 * r.settled / r.total ELSE 0 END AS percent,
	(SELECT CAST(100.0 * (coalesce(sum(expected_ms) FILTER (WHERE final), 0)
			+ count(*) FILTER (WHERE final AND expected_ms IS NULL) * avg(expected_ms))
			/ nullif(avg(expected_ms) * count(*), 0) + 0.000001 AS INTEGER)
		FROM (SELECT (SELECT final FROM states WHERE no = s.state) AS final,
				(SELECT expected_ms FROM v_expected AS e WHERE e.instance = i.no) AS expected_ms
			FROM steps AS s
			LEFT JOIN instances AS i ON i.no BETWEEN s.instance AND s.instance + s.n - 1
			WHERE s.id BETWEEN r.no * 4294967296 AND r.no * 4294967296 + 4294967295)) AS weighted_percent
FROM runs AS r;
