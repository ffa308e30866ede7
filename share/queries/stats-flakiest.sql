-- The steps whose attempts fail most often, of those that also succeed
-- days = 7: how far back
SELECT step, count(*) AS attempts, sum(state <> 'succeeded') AS failed,
	100 * sum(state <> 'succeeded') / count(*) AS failure_percent, sum(attempt > 1) AS retries
FROM v_attempts
WHERE phase = 'ended' AND state <> 'canceled'
	AND start_time >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || :days || ' days')
	-- all others need not be looked at
	AND run IN (SELECT run FROM v_runs
		WHERE end_time IS NULL OR end_time >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || :days || ' days'))
GROUP BY step
HAVING sum(state <> 'succeeded') > 0 AND sum(state = 'succeeded') > 0
ORDER BY failure_percent DESC, failed DESC, step
LIMIT 10;
