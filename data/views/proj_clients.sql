-- One line for each client, with what is known of their sessions.
SELECT c.contact_id, c.client_number, c.full_name, c.email, c.phone, c.birth_date, c.status,
	count(s.session_id) AS sessions, max(s.session_at) AS last_session_at, c.modified_at
FROM ${DATASET}.contacts AS c
LEFT JOIN ${DATASET}.clinical_sessions AS s ON s.contact_id = c.contact_id
GROUP BY c.idem_key
