-- Version 9: what an attempt starts from is said where it is intended, in the row that is written then anyway.  In steps it
-- stands where there is no attempt that it could stand with, and in ledgers from before.
ALTER TABLE attempts ADD COLUMN mark TEXT DEFAULT NULL;

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
	i.key, i.job,
	coalesce(s.fingerprint, (SELECT a.mark FROM attempts AS a WHERE a.step = s.id AND a.mark IS NOT NULL
		ORDER BY a.id DESC LIMIT 1)) AS fingerprint,
	s.result, (s.id & 4294967295) + coalesce(i.no - s.instance, 0) AS number
FROM runs AS r
JOIN steps AS s ON s.id BETWEEN r.no * 4294967296 AND r.no * 4294967296 + 4294967295
LEFT JOIN instances AS i ON i.no = s.instance
	OR s.n > 1 AND s.instance >> 10 = i.no >> 10 AND i.no BETWEEN s.instance + 1 AND s.instance + s.n - 1;
