# report: one page, whole and harmless, whatever the steps printed.

load lib

prepare() {
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  one: { run: "echo first" }
  two: { run: 'printf "</script><script>alert(1)</script>\n\033[31mred\033[0m \377 end\n" >&2; exit 3', needs: [one] }
  side: { run: "true", critical: false }
  all: { needs: [one, side, two], noop: true }
J
}

# The data that the page draws.
data() { sed -n 's/^<script id="data" type="application\/json">\(.*\)<\/script>$/\1/p' "$1"; }

@test "the page holds the run: states, reasons, attempts, tails, what it waited for" {
	want 1 orchmake -k all
	took one 0 100
	took side 0 50
	took two 100 100
	want 0 orchmake report last page.html
	says page.html
	is "$(grep -c '^<script id="data"' page.html)" 1
	is "$(data page.html | jq -r '.run.state, .run.target, .counts.failed')" "failed
all
1"
	is "$(data page.html | jq -r '.steps[] | select(.name == "two") | .error, .tries[0].exit, .critical_path')" \
		"exit 3: red � end
3
true"
	is "$(data page.html | jq -r '[.steps[] | select(.critical_path) | .name] | join(" ")')" "one two"
	is "$(data page.html | jq -r '.units | length > 3')" true
	is "$(data page.html | jq -r '.steps[] | select(.name == "all") | .why')" "its need 'two' did not hold"
}

@test "what a step printed cannot become part of the page" {
	orchmake -k all || true
	want 0 orchmake report last page.html
	is "$(grep -c '<script' page.html)" 2
	is "$(grep -c 'alert(1)</script>' page.html || true)" 0
	is "$(data page.html | jq -r '.steps[] | select(.name == "two") | .tries[0].tail')" "</script><script>alert(1)</script>
red � end"
}

# draw PAGE: what a browser makes of it
draw() {
	command -v chromium >/dev/null || skip "no chromium here"
	HOME=$T timeout 200 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
		--disable-background-networking --disable-component-update --disable-sync --user-data-dir="$T/profile" \
		--dump-dom "file://$T/$1" > dom.html 2>/dev/null
}

@test "the page is drawn by a browser" {
	orchmake -k all || true
	orchmake report last page.html
	draw page.html
	grep -q 'One failure' dom.html
	grep -q 'What waited for what' dom.html
	grep -q '<rect' dom.html
	want 1 grep '>null<' dom.html
}

@test "where steps are many, the picture shows jobs, and one edge for what others imply" {
	cat > Jobfile <<-'J'
	jobfile: 1
	default: all
	jobs:
	  load: { steps: [ { id: many, matrix: { n: [1,2,3,4,5,6,7,8,9,10], m: [1,2,3,4,5,6,7,8,9,10,11,12,13] }, noop: true } ] }
	  next: { needs: [ load ], steps: [ { id: a, noop: true }, { id: b, noop: true } ] }
	  all: { needs: [ load, next ], noop: true }
	J
	orchmake -s
	orchmake report last page.html
	is "$(data page.html | jq '[.units[] | select(.gate | not)] | length')" 133
	is "$(data page.html | jq -r '.units as $u | [$u[] | select(.gate | not) | .job | select(.) | $u[.].name] | unique | join(" ")')" \
		"load next"
	draw page.html
	sed -n 's/.*What waited for what//; T; s/<h2>Every step.*//p' dom.html > picture
	is "$(grep -o '<title>[^<]*</title>' picture)" "<title>load, 130 steps: succeeded</title>
<title>next, 2 steps: succeeded</title>
<title>all: succeeded</title>"
	is "$(grep -o '<path' picture | wc -l)" 2
}

@test "a trace is JSON with one slice an attempt" {
	orchmake -k all || true
	want 0 orchmake report last trace.json --trace
	is "$(jq -r '[.traceEvents[] | select(.ph == "X") | .name] | sort | join(" ")' trace.json)" "one side two"
	want 0 orchmake report last - --trace
	is "$(jq '.traceEvents | length' <<< "$out")" 3
}

@test "durations of earlier runs stand beside" {
	for i in 1 2 3; do orchmake -s one; done
	want 0 orchmake report last page.html
	is "$(data page.html | jq -r '.steps[0].usual_ms >= 0')" true
}

@test "report says what is wrong: no ledger, no such run, a file that cannot be written" {
	want 2 orchmake report
	complains "there is no ledger here"
	orchmake -s one
	want 2 orchmake report nothing
	want 1 orchmake report last no/such/folder/page.html
	complains "cannot write"
}

# `report last /dev/stdout` and the like; what is tried here is nobody else's.
@test "what FILE, --result and --out name is written into where it is a pipe, and behind a link; it is not replaced" {
	command -v timeout >/dev/null || skip "timeout is not installed"
	orchmake -s one
	mkfifo pipe
	: >behind
	ln -s behind link
	for to in "report last" "-s one --result" "plan two --out"; do
		timeout 100 cat pipe >got 3>&- &
		case $to in report*) orchmake $to pipe ;; *) orchmake $to=pipe ;; esac >/dev/null 2>&1 </dev/null || true
		[ -p pipe ]
		wait $!
		[ -s got ]
		: >behind
		case $to in report*) orchmake $to link ;; *) orchmake $to=link ;; esac >/dev/null 2>&1 </dev/null || true
		[ -h link ]
		[ -s behind ]
	done
}
