-- Per step of some targets: how often it ran, how it ended, how long it took, and whether that grows
-- days = 7: how far back
-- target = *: the target of the runs, or a glob
WITH tries AS (
	SELECT a.step, a.state, a.duration_ms, a.start_time,
		row_number() OVER (PARTITION BY a.step, a.state = 'succeeded' ORDER BY a.duration_ms) AS place,
		sum(a.state = 'succeeded') OVER (PARTITION BY a.step) AS good,
		ntile(2) OVER (PARTITION BY a.step, a.state = 'succeeded' ORDER BY a.start_time) AS half
	FROM v_runs AS r CROSS JOIN v_attempts AS a ON a.run = r.run
	WHERE a.phase = 'ended' AND (r.target = :target OR r.target GLOB :target)
		AND a.start_time >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || :days || ' days')
		-- all others need not be looked at
		AND (r.end_time IS NULL OR r.end_time >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || :days || ' days'))
)
SELECT step, count(*) AS attempts, good AS succeeded,
	CAST(max(CASE WHEN state = 'succeeded' AND place = (50 * good + 99) / 100 THEN duration_ms END) AS INTEGER) AS p50_ms,
	CAST(max(CASE WHEN state = 'succeeded' AND place = (95 * good + 99) / 100 THEN duration_ms END) AS INTEGER) AS p95_ms,
	-- of fewer it would be chance
	CAST(100 * (avg(CASE WHEN good >= 4 AND state = 'succeeded' AND half = 2 THEN duration_ms END)
		/ nullif(avg(CASE WHEN state = 'succeeded' AND half = 1 THEN duration_ms END), 0) - 1) AS INTEGER) AS trend_percent
FROM tries
GROUP BY step
ORDER BY p50_ms DESC, step;
