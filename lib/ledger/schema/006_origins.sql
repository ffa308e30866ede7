-- Version 6: what a definition was made from, so that it need not be made again to be known.
-- origin: SHA-256 of the documents and of all else that went into it; sha: of the definition
CREATE TABLE definition_origins (
	origin TEXT PRIMARY KEY CHECK (length(origin) = 64),
	sha TEXT NOT NULL
) WITHOUT ROWID;
