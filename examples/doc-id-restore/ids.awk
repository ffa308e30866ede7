# What an id is, where it stands in a file of each type, and how paths are written.

function valid(id) { return id ~ /^DOC-[A-Z0-9]+-[A-Z0-9]+(-[A-Z0-9]+)*-[0-9][0-9][0-9]$/ }

function type_of(path) { sub(/.*\./, "", path); return path }

# In how many of its first lines a file of this type may have one.
function reach(type) { return type == "py" || type == "md" ? 50 : 20 }

# --- one line ------------------------------------------------------------------------------------------------

# Set AT and LEN to where the value of an id stands in a line, 0 if there is none.  in_front: see fronts().
function find_line(type, line, in_front,    key) {
	AT = LEN = 0
	if (type == "md" && !in_front)
		return 0
	key = "^[ \t]*#+[ \t]*(DOC_ID|DOC_LINK):[ \t]*"
	if (type == "txt")
		key = "^(doc_id|DOC_ID|DOC_LINK):[ \t]*"
	else if (type ~ /^(md|yaml|yml)$/)
		key = "^doc_id:[ \t]*"
	if (!match(line, key))
		return 0
	AT = RSTART + RLENGTH
	match(substr(line, AT), /^("[^"]*"|'[^']*'|[^ \t\r#]*)/)
	LEN = RLENGTH
	return 1
}

function value_at(text,    v) {
	v = substr(text, AT, LEN)
	gsub(/^["']|["']$/, "", v)
	return v
}

# Whether line n, with what front was for the line before, is in the front matter: 1; 0 before or without, 2 after it.
function fronts(front, n, line) {
	sub(/\r$/, "", line)
	if (n == 1)
		sub(/^\357\273\277/, "", line)
	if (line == "---")
		return n == 1 ? 1 : 2
	return front
}

# --- JSON ------------------------------------------------------------------------------------------------------
#
# No token of JSON goes over the end of a line, so a text is looked at line by line; json_begin() before the first.

function json_begin() {
	DEPTH = MINE = AT = LEN = OPEN = 0
	KEY = ""
}

# Set AT and LEN to where the value of "doc_id" of the outermost object stands in this line; LEN stays 0 if it is no
# plain one.  OPEN is where that object begins in the first line that has anything, -1 if that is none.
function find_json(line,    i, n, c, start) {
	AT = LEN = 0
	n = length(line)
	for (i = 1; i <= n; i++) {
		c = substr(line, i, 1)
		if (c ~ /[ \t\r]/)
			continue
		if (MINE) {
			AT = i
			if (c == "\"")
				LEN = string_end(line, i) - i + 1
			else if (match(substr(line, i), /^[-+.a-zA-Z0-9]+/))
				LEN = RLENGTH
			return 1
		}
		if (c == "\"") {
			start = i
			i = string_end(line, i)
			KEY = substr(line, start, i - start + 1)
		} else if (c == ":") {
			MINE = DEPTH == 1 && KEY == "\"doc_id\""
		} else if (c == "{" || c == "[") {
			if (!DEPTH++)
				OPEN = c == "{" ? i : -1
			KEY = ""
		} else if (c == "}" || c == "]") {
			DEPTH--
		}
	}
	return 0
}

function string_end(text, i,    c) {
	while ((c = substr(text, ++i, 1)) != "\"" && c != "")
		if (c == "\\")
			i++
	return i
}

# --- paths -----------------------------------------------------------------------------------------------------

function make_codes(    i, c) {
	for (i = 1; i < 256; i++)
		CODE[sprintf("%c", i)] = i
}

function is_control(c) { return CODE[c] < 32 || CODE[c] == 127 }

# As a JSON string without its quotes.
function to_json(s,    i, c, out) {
	if (s !~ /[\\"\001-\037\177]/)
		return s
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		out = out (c == "\\" || c == "\"" ? "\\" c : is_control(c) ? sprintf("\\u%04x", CODE[c]) : c)
	}
	return out
}

function hex(s,    i, v) {
	for (i = 1; i <= length(s); i++)
		v = v * 16 + index("0123456789abcdef", tolower(substr(s, i, 1))) - 1
	return v
}

function utf8(u) {
	if (u < 128)
		return sprintf("%c", u)
	if (u < 2048)
		return sprintf("%c%c", 192 + int(u / 64), 128 + u % 64)
	if (u < 65536)
		return sprintf("%c%c%c", 224 + int(u / 4096), 128 + int(u / 64) % 64, 128 + u % 64)
	return sprintf("%c%c%c%c", 240 + int(u / 262144), 128 + int(u / 4096) % 64, 128 + int(u / 64) % 64, 128 + u % 64)
}

function from_json(s,    i, c, u, low, out) {
	if (index(s, "\\") == 0)
		return s
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (c != "\\") {
			out = out c
			continue
		}
		c = substr(s, ++i, 1)
		if (c == "u") {
			u = hex(substr(s, i + 1, 4))
			i += 4
			if (u >= 55296 && u < 56320 && substr(s, i + 1, 2) == "\\u") {
				low = hex(substr(s, i + 3, 4))
				u = 65536 + (u - 55296) * 1024 + low - 56320
				i += 6
			}
			out = out utf8(u)
		} else {
			out = out (c == "n" ? "\n" : c == "t" ? "\t" : c == "r" ? "\r" : c == "b" ? "\b" : c == "f" ? "\f" : c)
		}
	}
	return out
}

# For printf %b, on one line.
function to_b(s,    i, c, out) {
	if (s !~ /[\\\001-\037\177]/)
		return s
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		out = out (c == "\\" ? "\\\\" : is_control(c) ? sprintf("\\0%03o", CODE[c]) : c)
	}
	return out
}

# The text of a member of a flat JSON object on one line.
function member(line, name,    v) {
	if (!match(line, "\"" name "\"[ \t]*:[ \t]*\"([^\"\\\\]|\\\\.)*\""))
		return ""
	v = substr(line, RSTART, RLENGTH)
	sub(/^"[^"]*"[ \t]*:[ \t]*"/, "", v)
	sub(/"$/, "", v)
	return from_json(v)
}

BEGIN { make_codes() }
