-- Per target: runs, how many of them ended well, how long those took, and whether that grows
-- days = 7: how far back
WITH ended AS (
	SELECT target, state, start_time, duration_ms, state = 'succeeded' AND resumes IS NULL AS whole
	FROM v_runs
	WHERE end_time IS NOT NULL AND state <> 'waiting' -- whoever goes on with that counts
		AND start_time >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || :days || ' days')
), placed AS (
	SELECT *, row_number() OVER (PARTITION BY target, whole ORDER BY duration_ms) AS place,
		sum(whole) OVER (PARTITION BY target) AS n,
		ntile(2) OVER (PARTITION BY target, whole ORDER BY start_time) AS half
	FROM ended
)
SELECT target, count(*) AS runs, sum(state = 'succeeded') AS succeeded,
	100 * sum(state = 'succeeded') / count(*) AS success_percent,
	max(CASE WHEN whole AND place = (50 * n + 99) / 100 THEN duration_ms END) AS p50_ms,
	max(CASE WHEN whole AND place = (95 * n + 99) / 100 THEN duration_ms END) AS p95_ms,
	-- of fewer it would be chance
	CAST(100 * (avg(CASE WHEN n >= 4 AND whole AND half = 2 THEN duration_ms END)
		/ nullif(avg(CASE WHEN whole AND half = 1 THEN duration_ms END), 0) - 1) AS INTEGER) AS trend_percent,
	max(start_time) AS last_start
FROM placed
GROUP BY target
ORDER BY runs DESC, target;
