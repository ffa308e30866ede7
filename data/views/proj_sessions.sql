SELECT s.session_id, s.contact_id, c.full_name AS client, s.title, s.session_number, s.session_at,
	s.duration_minutes, s.session_type, s.status, s.modified_at
FROM ${DATASET}.clinical_sessions AS s
LEFT JOIN ${DATASET}.contacts AS c ON c.contact_id = s.contact_id
