SELECT idem_key AS document_id, kind, contact_id, session_id, NULL AS title, session_at AS dated, content, modified_at
FROM ${DATASET}.session_documents
WHERE kind IN ('note', 'summary') AND content IS NOT NULL
UNION ALL
SELECT idem_key, 'report', contact_id, session_id, title, report_date, content, modified_at
FROM ${DATASET}.reports
