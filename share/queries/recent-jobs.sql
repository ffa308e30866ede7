-- The latest jobs: when, which, how it ended, how long it took
-- runs = 100: of so many runs
WITH latest AS (SELECT run FROM v_runs ORDER BY no DESC LIMIT :runs)
SELECT ended, job, state, duration_ms, steps, substr(run, 1, 10) AS run, error
FROM (
	SELECT run, end_time AS ended, job, state, duration_ms, succeeded || '/' || total AS steps, error
	FROM v_jobs WHERE kind NOT IN ('root', 'support') AND run IN latest
	UNION ALL
	SELECT run, end_time, step, state, duration_ms, NULL, error FROM v_steps WHERE step NOT LIKE '%/%' AND run IN latest
)
WHERE ended IS NOT NULL
ORDER BY ended DESC, run DESC, job;
