-- Steps that failed, the latest first
-- days = 7: how far back
SELECT end_time AS ended, step, state, exit_code, attempts, error, substr(run, 1, 10) AS run, log
FROM v_failures
WHERE end_time >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || :days || ' days')
ORDER BY end_time DESC;
