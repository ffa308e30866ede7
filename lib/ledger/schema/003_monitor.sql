-- What somebody who watches asks: how far, and how long still.  Only views, so that a reader can have them of an
-- older ledger too: each statement begins its line with CREATE VIEW or is a DROP VIEW on one line.

-- v_expected: how long what a step does is going to take, by how long it took before
-- v_expected.key: what the step does, the same in every run
-- v_expected.step: as people see it
-- v_expected.expected_ms: as in v_durations; 0 for what only joins others; NULL if nobody knows
-- v_expected.instance: its number in this ledger
CREATE VIEW v_expected AS
SELECT i.key, i.name AS step, coalesce((SELECT expected_ms FROM v_durations AS d WHERE d.key = i.key),
		(SELECT 0.0 FROM steps AS s WHERE s.instance = i.no AND s.attempts = 0
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
				(SELECT expected_ms FROM v_expected AS e WHERE e.instance = s.instance) AS expected_ms
			FROM steps AS s
			WHERE s.id BETWEEN r.no * 4294967296 AND r.no * 4294967296 + 4294967295)) AS weighted_percent
FROM runs AS r;

-- v_remaining: what each run that goes on has still to do; none that has nothing
-- v_remaining.run: id of the run
-- v_remaining.steps: how many have not settled
-- v_remaining.unknown: those of them of which nobody knows how long they take
-- v_remaining.work_ms: what is left of all others, one after the other
-- v_remaining.longest_ms: what is left of the longest of them
-- v_remaining.eta_ms: until the run ends, with its slots all in use; NULL as long as any is unknown
-- v_remaining.eta_time: when that will be, UTC
CREATE VIEW v_remaining AS
SELECT run, steps, unknown, work_ms, longest_ms,
	CASE WHEN unknown = 0 THEN max(work_ms / max(slots, 1), longest_ms) END AS eta_ms,
	CASE WHEN unknown = 0 THEN strftime('%Y-%m-%dT%H:%M:%fZ',
		julianday('now') + max(work_ms / max(slots, 1), longest_ms) / 86400000.0) END AS eta_time
FROM (SELECT run, slots, count(*) AS steps, count(*) FILTER (WHERE left_ms IS NULL) AS unknown,
		CAST(coalesce(sum(left_ms), 0) AS INTEGER) AS work_ms, CAST(coalesce(max(left_ms), 0) AS INTEGER) AS longest_ms
	FROM (SELECT r.no, r.id AS run, r.slots, max(0, (SELECT expected_ms FROM v_expected AS e WHERE e.instance = s.instance)
			- coalesce((SELECT (julianday('now') - 2440587.5) * 86400000 - a.start_wall_ms
				FROM attempts AS a WHERE a.step = s.id AND a.phase = 1), 0)) AS left_ms
		FROM runs AS r
		JOIN steps AS s ON s.id BETWEEN r.no * 4294967296 AND r.no * 4294967296 + 4294967295
		WHERE r.end_wall_ms IS NULL AND s.state IN (SELECT no FROM states WHERE NOT final))
	GROUP BY no);
