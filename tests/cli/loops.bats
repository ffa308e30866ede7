load lib

# Loops over what is known only while the run is under way.

prepare() {
	jobfile <<-'END'
	jobfile: 1
	callables: {list: {argv: [cat]}}
	jobs:
	  j:
	    params: {items: {type: json, default: [1, 2, 3]}}
	    steps:
	      - {id: a, call: list, with: {items: [], list: "${{ params.items }}"}}
	      - {id: b, foreach: {n: "${{ steps.a.list }}", max_parallel: 1}, run: 'echo "$N" >>order; test "$N" != bad', env: {N: "${{ foreach.n }}"}}
	      - {id: c, run: 'echo "$S" >sum', env: {S: "${{ steps.b.succeeded }}"}}
	  outer:
	    steps:
	      - {id: a, call: list, with: {items: [x, y]}}
	      - {id: b, foreach: {n: "${{ results.a.items }}"}, job: inner, params: {n: "${{ foreach.n }}"}}
	  inner:
	    params: {n: {type: string}}
	    steps:
	      - {id: a, call: list, with: {items: ["${{ params.n }}", last]}}
	      - {id: b, foreach: {m: "${{ results.a.items }}"}, run: 'touch "made-$M"', env: {M: "${{ foreach.m }}"}}
	END
}

@test "a step loops over what an earlier one returned, and the next waits for all instances" {
	want 0 orchmake -n
	says 'j/b  part of j, for each element of ${{ steps.a.list }}'
	want 0 orchmake -j4
	is "$(tr '\n' ' ' <order)" "1 2 3 "
	is "$(cat sum)" 3
	is "$(sql "select group_concat(step, ' ') from (select step from v_steps where step like 'j/b%' order by number)")" \
		'j/b[1] j/b[2] j/b[3]'
	is "$(sql "select json_extract(json, '\$.over[2]') from fragments")" 3
}

@test "a late loop over nothing is skipped; over no list, and over two of one name, it fails and says why" {
	want 0 orchmake 'items=[]'
	[ ! -e order ]
	want 1 orchmake 'items={"a": 1}'
	complains 'failed j/b: the loop needs a list, not {"a":1}'
	want 1 orchmake 'items=["a", "a"]'
	complains "failed j/b: two instances are called '[a]'"
	rm sum
	want 1 orchmake 'items=["bad", "good"]'
	complains 'failed j/b[bad]'
	[ ! -e sum ]
}

@test "late loops nest through the jobs they call" {
	want 0 orchmake -j4 outer
	is "$(ls made-* | tr '\n' ' ')" "made-last made-x made-y "
	is "$(sql "select count(*) from v_steps where state = 'succeeded' and step like 'outer/b[%]/b[%]'")" 4
	is "$(sql "select count(*) from fragments")" 3
}
