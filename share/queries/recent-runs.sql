-- The latest runs: when, what, how it ended, how long it took
SELECT start_time, title, state, duration_ms, succeeded || '/' || total AS steps, failed, substr(run, 1, 10) AS run
FROM v_runs
ORDER BY no DESC;
