SELECT r.idem_key AS response_key, r.response_id, r.form_id, r.respondent_email, c.contact_id, r.submitted_at, r.answers
FROM ${DATASET}.form_responses AS r
LEFT JOIN (
	SELECT email, min(contact_id) AS contact_id
	FROM ${DATASET}.contacts
	WHERE email IS NOT NULL
	GROUP BY email
) AS c ON c.email = r.respondent_email
