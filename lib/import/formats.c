#include <fnmatch.h>
#include <string.h>

#include "base/bug.h"
#include "import/import.h"

const struct import_format import_formats[] = {
#define IMPORT(name, files, sentence) {#name, files, sentence, import_##name},
#include "import/formats.def"
#undef IMPORT
};
const size_t n_import_formats = ARRAY_LEN(import_formats);

const struct import_format *import_find(const char *name)
{
	for (size_t i = 0; i < n_import_formats; i++)
		if (!strcmp(import_formats[i].name, name))
			return &import_formats[i];
	return NULL;
}

/* Whether name matches one of the globs, which have blanks between them. */
static bool is_one_of(const char *globs, const char *name)
{
	char one[64];

	for (size_t n; *globs; globs += n + (globs[n] == ' ')) {
		n = strcspn(globs, " ");
		BUG_UNLESS(n < sizeof(one));
		memcpy(one, globs, n);
		one[n] = '\0';
		if (!fnmatch(one, name, 0))
			return true;
	}
	return false;
}

/* Whether a line of the text begins with word. */
static bool has_line(struct span text, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = text.at, *end = text.at + text.len; at && at < end;) {
		if ((size_t)(end - at) >= n && !memcmp(at, word, n))
			return true;
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	return false;
}

const struct import_format *import_recognise(const struct source *s, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	struct span text = source_text(s);

	for (size_t i = 0; i < n_import_formats; i++)
		if (is_one_of(import_formats[i].files, name))
			return &import_formats[i];
	if (has_line(text, "tasks:") && has_line(text, "version:"))
		return import_find("taskfile");
	return NULL;
}
