# The file on standard input with this id: in place of the one that is there, or where one belongs.  The input has one
# character more at its end, so that a last line without an end of line stays one.  Exit 3: the file can have none.

{ line[NR] = $0 }

function put(n, text,    i) { # text becomes line n
	for (i = NR; i >= n; i--)
		line[i + 1] = line[i]
	line[n] = text eol
	NR++
}

function put_out(    i) {
	for (i = 1; i <= NR; i++)
		printf "%s%s", (i == 1 ? bom : "\n"), line[i]
	return 0
}

# Behind what has to come first: an interpreter, a coding, directives of YAML and its ---.
function first_place(    n, i) {
	n = 1
	if (line[1] ~ /^#!/)
		n = 2
	if (type == "py" && line[n] ~ /^[ \t]*#.*coding[:=]/)
		n++
	if (type == "yaml" || type == "yml")
		for (i = n; i <= NR && line[i] ~ /^([ \t]*#|[ \t\r]*$|%|---[ \t\r]*$)/; i++)
			if (line[i] ~ /^(%|---)/)
				n = i + 1
	return n
}

function into_json(    n, first) {
	json_begin()
	for (n = 1; n <= NR; n++) {
		if (find_json(line[n])) {
			if (!LEN)
				return 3
			line[n] = substr(line[n], 1, AT - 1) "\"" id "\"" substr(line[n], AT + LEN)
			return put_out()
		}
		if (OPEN && !first)
			first = n
		if (OPEN < 0)
			return 3
	}
	if (!first)
		return 3
	into_object(first)
	return put_out()
}

# As the first member, in the way the next one is written.
function into_object(n,    rest, blank) {
	rest = substr(line[n], OPEN + 1)
	if (rest ~ /^[ \t\r]*$/ && n < NR) {
		eol = line[n] ~ /\r$/ ? "\r" : ""
		match(line[n + 1], /^[ \t]*/)
		blank = substr(line[n + 1], 1, RLENGTH)
		put(n + 1, blank "\"doc_id\": \"" id "\"" (substr(line[n + 1], RLENGTH + 1) ~ /^}/ ? "" : ","))
		return
	}
	match(rest, /^[ \t\r]*/)
	blank = substr(rest, 1, RLENGTH)
	rest = substr(rest, RLENGTH + 1)
	line[n] = substr(line[n], 1, OPEN) blank "\"doc_id\": \"" id "\"" (rest ~ /^}/ ? "" : ", ") rest
}

# A YAML document that is no map of keys can have none.
function is_no_map(    n) {
	for (n = first_place(); n <= NR; n++)
		if (line[n] !~ /^([ \t]*#|[ \t\r]*$)/)
			return line[n] ~ /^(- |\[|\{|-[\r]?$)/
	return 0
}

function into_lines(    n, front) {
	if (sub(/^\357\273\277/, "", line[1]))
		bom = "\357\273\277"
	eol = line[1] ~ /\r$/ ? "\r" : ""
	for (n = 1; n <= NR && n <= reach(type); n++) {
		front = fronts(front, n, line[n])
		if (!find_line(type, line[n], front == 1))
			continue
		line[n] = substr(line[n], 1, AT - 1) (substr(line[n], AT - 1, 1) == ":" ? " " : "") id substr(line[n], AT + LEN)
		return put_out()
	}
	if (type ~ /^ya?ml$/ && is_no_map())
		return 3
	if (type != "md")
		put(first_place(), (type == "txt" ? "DOC_ID: " : type ~ /^ya?ml$/ ? "doc_id: " : "# DOC_ID: ") id)
	else if (front)
		put(2, "doc_id: " id)
	else
		line[1] = "---" eol "\ndoc_id: " id eol "\n---" eol "\n" (NR > 1 ? eol "\n" : "") line[1]
	return put_out()
}

END {
	sub(/x$/, "", line[NR])
	exit type == "json" ? into_json() : into_lines()
}
