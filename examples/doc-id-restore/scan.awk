# One line of an inventory for each file that is an argument.  times: when each was changed, in seconds since 1970.

function iso(seconds,    day, era, doe, yoe, doy, mp, d, m) {
	day = int(seconds / 86400) + 719468	# since the first of March of the year 0
	era = int(day / 146097)
	doe = day % 146097
	yoe = int((doe - int(doe / 1460) + int(doe / 36524) - int(doe / 146096)) / 365)
	doy = doe - (365 * yoe + int(yoe / 4) - int(yoe / 100))
	mp = int((5 * doy + 2) / 153)
	d = doy - int((153 * mp + 2) / 5) + 1
	m = mp < 10 ? mp + 3 : mp - 9
	return sprintf("%04d-%02d-%02dT%02d:%02d:%02dZ", yoe + era * 400 + (m <= 2), m, d,
		int(seconds / 3600) % 24, int(seconds / 60) % 60, seconds % 60)
}

function tell(path, time,    type, state) {
	type = type_of(path)
	state = !there ? "missing" : valid(id) ? "registered" : "invalid"
	sub(/^\.\//, "", path)
	printf "{\"path\":\"%s\",\"doc_id\":%s,", to_json(path), there ? "\"" to_json(id) "\"" : "null"
	printf "\"status\":\"%s\",\"file_type\":\"%s\",", state, type
	printf "\"last_modified\":\"%s\",\"scanned_at\":\"%s\"}\n", iso(time), now
	id = ""
	there = front = 0
}

# Files without a line pass unseen: they are told when the next one begins.
function tell_up_to(arg) {
	while (told < arg)
		tell(ARGV[++told], time[told])
}

BEGIN { split(times, time, " "); at = 0 }
FNR == 1 {
	if (at)
		tell_up_to(at)
	for (at++; ARGV[at] != FILENAME; at++)
		tell_up_to(at)
	type = type_of(FILENAME)
	json_begin()
}
there { next }
type == "json" {
	if (find_json($0)) {
		there = 1
		id = from_json(value_at($0))
	}
	next
}
FNR > reach(type) { next }
{
	front = fronts(front, FNR, $0)
	if (FNR == 1)
		sub(/^\357\273\277/, "")
	if (find_line(type, $0, front == 1)) {
		there = 1
		id = value_at($0)
	}
}
END { tell_up_to(ARGC - 1) }
