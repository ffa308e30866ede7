-- Each target as its latest run left it
SELECT target, state, start_time, duration_ms, succeeded || '/' || total AS steps, substr(run, 1, 10) AS run
FROM v_runs
WHERE no IN (SELECT max(no) FROM v_runs GROUP BY target)
ORDER BY target;
