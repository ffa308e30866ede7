-- Per target: runs, how many of them ended well, and how long they took
-- days = 7: how far back
WITH ended AS (
	SELECT target, state, start_time, duration_ms,
		row_number() OVER (PARTITION BY target ORDER BY duration_ms) AS place,
		count(*) OVER (PARTITION BY target) AS n
	FROM v_runs
	WHERE end_time IS NOT NULL
		AND start_time >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || :days || ' days')
)
SELECT target, count(*) AS runs, sum(state = 'succeeded') AS succeeded,
	100 * sum(state = 'succeeded') / count(*) AS success_percent,
	max(CASE WHEN place = (50 * n + 99) / 100 THEN duration_ms END) AS p50_ms,
	max(CASE WHEN place = (95 * n + 99) / 100 THEN duration_ms END) AS p95_ms,
	max(start_time) AS last_start
FROM ended
GROUP BY target
ORDER BY runs DESC, target;
