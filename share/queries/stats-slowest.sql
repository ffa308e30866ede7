-- The steps that take longest, by the median of their successes
-- days = 7: how far back
WITH ended AS (
	SELECT step, duration_ms,
		row_number() OVER (PARTITION BY step ORDER BY duration_ms) AS place,
		count(*) OVER (PARTITION BY step) AS n
	FROM v_attempts
	WHERE state = 'succeeded'
		AND start_time >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || :days || ' days')
		-- all others need not be looked at
		AND run IN (SELECT run FROM v_runs
			WHERE end_time IS NULL OR end_time >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || :days || ' days'))
)
SELECT step, count(*) AS times,
	CAST(max(CASE WHEN place = (50 * n + 99) / 100 THEN duration_ms END) AS INTEGER) AS p50_ms,
	CAST(max(CASE WHEN place = (95 * n + 99) / 100 THEN duration_ms END) AS INTEGER) AS p95_ms,
	CAST(sum(duration_ms) AS INTEGER) AS total_ms
FROM ended
GROUP BY step
ORDER BY p50_ms DESC, step
LIMIT 10;
