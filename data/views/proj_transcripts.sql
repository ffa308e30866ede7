SELECT t.session_id, t.contact_id, t.session_at, t.content, length(t.content) AS characters, t.modified_at
FROM ${DATASET}.session_transcripts AS t
