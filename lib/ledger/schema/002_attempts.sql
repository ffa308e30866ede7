-- Version 2: what an attempt's callable says of its failure, and the key that its writes go by.

ALTER TABLE attempts ADD COLUMN class TEXT CHECK (class IN ('transient', 'permanent'));
ALTER TABLE attempts ADD COLUMN idempotency_key TEXT;
CREATE INDEX attempts_idempotency ON attempts (idempotency_key) WHERE idempotency_key IS NOT NULL;

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
-- v_attempts.class: transient or permanent, as the callable called its failure; NULL: it did not say
-- v_attempts.idempotency_key: under which its writes happen once, whatever runs again
-- v_attempts.key: what the step does, the same in every run
DROP VIEW v_attempts;
CREATE VIEW v_attempts AS
SELECT r.id AS run, coalesce(s.name, i.name) AS step, a.number AS attempt, a.id & 4294967295 AS serial,
	CASE a.phase WHEN 0 THEN 'intent' WHEN 1 THEN 'running' WHEN 2 THEN 'ended' ELSE 'unused' END AS phase,
	(SELECT word FROM states WHERE no = a.state) AS state, (SELECT word FROM reasons WHERE no = a.reason) AS reason,
	a.error, a.exit_code, a.signal, a.start_errno, a.stage,
	strftime('%Y-%m-%dT%H:%M:%fZ', a.start_wall_ms / 1000.0, 'unixepoch') AS start_time,
	strftime('%Y-%m-%dT%H:%M:%fZ', a.end_wall_ms / 1000.0, 'unixepoch') AS end_time,
	a.duration_us / 1000.0 AS duration_ms, a.user_us / 1000.0 AS user_ms, a.system_us / 1000.0 AS system_ms,
	a.max_rss_kib, a.leftovers, a.pid, a.timeout_ms, a.grace_ms, a.policy, a.provides, a.consumes, a.command,
	a.log, a.log_offset, a.log_bytes, a.out, a.class, a.idempotency_key, i.key
FROM runs AS r
JOIN attempts AS a ON a.id BETWEEN r.no * 4294967296 AND r.no * 4294967296 + 4294967295
LEFT JOIN steps AS s ON s.id = a.step
LEFT JOIN instances AS i ON i.no = s.instance;
