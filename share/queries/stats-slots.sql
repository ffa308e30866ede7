-- Of the latest runs of some targets: how much of what -j allowed was used
-- days = 7: how far back
-- target = *: the target of the runs, or a glob
SELECT r.run, r.slots, r.duration_ms AS took_ms, CAST(sum(a.duration_ms) AS INTEGER) AS busy_ms,
	CAST(max(0, 100 - 100 * sum(a.duration_ms) / nullif(r.slots * r.duration_ms, 0)) AS INTEGER) AS idle_percent
FROM v_runs AS r JOIN v_attempts AS a ON a.run = r.run
WHERE a.phase = 'ended' AND r.end_time IS NOT NULL AND (r.target = :target OR r.target GLOB :target)
	AND r.start_time >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || :days || ' days')
GROUP BY r.run
ORDER BY r.start_time DESC
LIMIT 10;
