SELECT idem_key AS event_key, 'email' AS kind, NULL AS contact_id, from_email AS email, received_at AS happened_at,
	subject AS title
FROM ${DATASET}.email_messages
UNION ALL
SELECT idem_key, 'session', contact_id, NULL, session_at, title FROM ${DATASET}.clinical_sessions
UNION ALL
SELECT idem_key, 'form_response', NULL, respondent_email, submitted_at, form_id FROM ${DATASET}.form_responses
UNION ALL
SELECT idem_key, 'payment', NULL, NULL, created_at, description FROM ${DATASET}.payments
