-- Of the latest runs of some targets: how much of what -j allowed was used
-- days = 7: how far back
-- target = *: the target of the runs, or a glob
SELECT run, slots, took_ms, busy_ms, CAST(max(0, 100 - 100 * busy_ms / nullif(allowed_ms, 0)) AS INTEGER) AS idle_percent
FROM (SELECT r.run, r.slots, r.start_time, r.duration_ms AS took_ms, CAST(sum(a.duration_ms) AS INTEGER) AS busy_ms,
		-- with as many as in the end all the time, but for the time before each `2 to 4`
		r.slots * r.duration_ms - coalesce((SELECT sum((CAST(substr(e.cause, instr(e.cause, ' to ') + 4) AS INTEGER)
					- CAST(e.cause AS INTEGER))
				* (julianday(e.time) - julianday(r.start_time)) * 86400000)
			FROM v_events AS e WHERE e.run = r.run AND e.event = 'slots_changed'), 0) AS allowed_ms
	FROM v_runs AS r JOIN v_attempts AS a ON a.run = r.run
	WHERE a.phase = 'ended' AND r.end_time IS NOT NULL AND (r.target = :target OR r.target GLOB :target)
		AND r.start_time >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || :days || ' days')
	GROUP BY r.run)
ORDER BY start_time DESC
LIMIT 10;
