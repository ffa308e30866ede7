load lib

# The graph in every form, now and as it was in a run.

flow() {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all: {needs: [check, count], noop: true}
	  fetch: {noop: true}
	  check: {needs: [fetch], steps: [{id: there, run: "true"}, {id: shape, run: "test ! -e bad"}]}
	  count: {needs: [fetch], run: "true"}
	J
}

@test "an edge that two others say already is left out, and a job comes after its steps" {
	flow
	want 0 orchmake graph --format=json
	is "$(jq -r '.edges[] | .from + " " + .to' <<<"$out" | sort | paste -sd,)" \
		"check all,check/shape check,check/there check/shape,count all,fetch check/there,fetch count"
	is "$(jq -r '.nodes[] | select(.kind == "job").name' <<<"$out")" check
	is "$(jq '[.nodes[] | select(has("state"))] | length' <<<"$out")" 0
}

@test "stages hang together one by one" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  day: {stages: [{name: one, jobs: [a, b]}, {name: two, jobs: [c]}, {name: three, jobs: [d]}]}
	  a: {noop: true}
	  b: {noop: true}
	  c: {noop: true}
	  d: {noop: true}
	J
	want 0 orchmake graph --format=json
	is "$(jq -r '.edges[] | .from + .to' <<<"$out" | sort | paste -sd,)" "ac,bc,cd,dday"
}

@test "dot and mermaid are in the language of their programs" {
	flow
	want 0 orchmake graph --format=dot
	says '"check/there" -> "check/shape";'
	says '"check" [shape=folder];'
	want 0 orchmake graph --format=mermaid
	is "$(head -1 <<<"$out")" "flowchart LR"
	grep -qE '^	u[0-9]+\["check/there"\]$' <<<"$out"
	grep -qE '^	u[0-9]+\[\["check"\]\]$' <<<"$out"
	is "$(grep -cE '^	u[0-9]+ --> u[0-9]+$' <<<"$out")" 6
	jobfile <<-'J'
	jobfile: 1
	jobs: {a: {foreach: {x: ['q"<#', plain]}, after: [b], noop: true}, b: {noop: true}, all: {needs: [a, b], noop: true}}
	J
	want 0 orchmake graph all --format=mermaid
	says '"a[q#34;#60;#35;]"'
	says ' -.-> '
	want 0 orchmake graph all --format=dot
	says '"a[q\"<#]"'
	says '[style=dashed];'
}

@test "the graph of a run shows what became of each step, as its Jobfile was then" {
	flow
	touch bad
	want 1 orchmake -k
	printf 'jobfile: 1\njobs: {other: {noop: true}}\n' >Jobfile
	want 0 orchmake graph --run last
	says "├── check/there  succeeded"
	says "└── check/shape  failed"
	says "all  blocked"
	want 0 orchmake graph --run last --color=always
	says $'\033[31mfailed'
	want 0 orchmake graph --run last-failed --format=json
	is "$(jq -r '.nodes[] | select(.name == "check").state' <<<"$out")" failed
	want 0 orchmake graph --run @-1 --format=dot
	grep -q '^	"check/shape" \[style=filled, fillcolor="#ffdcd9".*tooltip="failed"\];$' <<<"$out"
	want 0 orchmake graph --run last --format=mermaid
	says ':::failed'
	grep -q '^	classDef failed fill:#ffdcd9' <<<"$out"
	want 0 orchmake graph
	is "$out" "└── other"
}

@test "svg is what Graphviz makes of it, and an error that says so where it is not" {
	flow
	mkdir bin
	printf '#!/bin/sh\necho "<svg>"; cat; [ ! -e broken ]\n' >bin/dot
	chmod +x bin/dot
	export PATH=$PWD/bin:$PATH
	want 0 orchmake graph --format=svg
	is "$(head -1 <<<"$out")" "<svg>"
	says '"fetch" -> "count";'
	touch broken
	want 1 orchmake graph --format=svg
	complains "dot failed; --format=dot shows what it was given"
	want 1 env PATH=/nonexistent "$(command -v orchmake)" graph --format=svg
	complains "there is no program 'dot'"
	complains "apt-get install graphviz"
}

@test "graph --run says what is wrong" {
	flow
	want 2 orchmake graph --run last
	complains "there is no ledger here"
	want 0 orchmake -s
	want 2 orchmake graph --run last count
	complains "a run has targets of its own, so 'count' cannot be one"
	want 2 orchmake graph --run 01ZZZ
	complains "no run begins with '01ZZZ'"
	want 2 orchmake history --run last
	complains "history takes no --run"
	want 2 orchmake history --format=mermaid
	complains "it is for: graph"
}

@test "the graph of a run that nobody named a target for is of the default as it was" {
	jobfile <<-'J'
	jobfile: 1
	default: last
	jobs:
	  first: {noop: true}
	  last: {needs: [first], noop: true}
	J
	want 0 orchmake -s
	want 0 orchmake graph --run last
	says "└── last  succeeded"
}
