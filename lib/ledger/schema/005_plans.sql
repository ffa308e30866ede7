-- Version 5: runs that applied a plan.
CREATE TABLE run_plans (
	run INTEGER PRIMARY KEY,
	hash TEXT NOT NULL
);

-- v_applied: runs that applied a plan, and which
-- v_applied.run: id of the run
-- v_applied.plan: the hash of the plan, SHA-256
CREATE VIEW v_applied AS
SELECT r.id AS run, p.hash AS plan
FROM run_plans AS p JOIN runs AS r ON r.no = p.run;
