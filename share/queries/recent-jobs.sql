-- The latest jobs: when, which, how it ended, how long it took
SELECT ended, job, state, duration_ms, steps, substr(run, 1, 10) AS run, error
FROM (
	SELECT run, end_time AS ended, job, state, duration_ms, succeeded || '/' || total AS steps, error
	FROM v_jobs WHERE kind NOT IN ('root', 'support')
	UNION ALL
	SELECT run, end_time, step, state, duration_ms, NULL, error FROM v_steps WHERE step NOT LIKE '%/%'
)
WHERE ended IS NOT NULL
ORDER BY ended DESC, run DESC, job;
