# What is kept of documents so that the next start is quicker: it says what they say, or nothing.

load lib

# A document long enough to have a compiled form: WORDS is what its first step says.
long() { # WORDS
	{
		echo 'jobfile: 1'
		echo 'jobs:'
		echo "  say: {run: 'echo $1 >said'}"
		echo '  all:'
		echo '    steps:'
		seq 1500 | sed 's/.*/      s&: {outputs: [out\/&], argv: [touch, out\/&]}/'
	} >Jobfile
}

forms() { find .orchmake/compiled -type f 2>/dev/null | sort; }

@test "a long document is compiled, for its owner alone, and read as before" {
	long one
	want 0 orchmake say
	is "$(forms | wc -l)" 1
	is "$(stat -c %a .orchmake/compiled)" 700
	is "$(stat -c %a "$(forms)")" 600
	rm said
	before=$(stat -c %i.%Y "$(forms)")
	want 0 orchmake say
	is "$(cat said)" one
	is "$(stat -c %i.%Y "$(forms)")" "$before"
	want 0 orchmake -n all
	is "$(grep -c 'all/s[0-9]' <<<"$out")" 1500
	is "$(sql 'SELECT count(*) FROM definitions')" 1
}

@test "what has changed in it counts at once" {
	long one
	want 0 orchmake say
	mtime=$(stat -c %y Jobfile)
	long two
	touch -d "$mtime" Jobfile
	want 0 orchmake say
	is "$(cat said)" two
	long one
	want 0 orchmake say
	is "$(cat said)" one
	is "$(forms | wc -l)" 1
	is "$(sql 'SELECT count(*) FROM definitions')" 2
	is "$(sql 'SELECT group_concat(d) FROM (SELECT dense_rank() OVER (ORDER BY definition) AS d FROM run_texts ORDER BY run)')" 1,2,1
}

@test "what has changed in a file that it includes counts at once" {
	long one
	echo 'include: [inc/other.yaml]' >>Jobfile
	mkdir inc
	for word in three four; do
		{
			echo 'jobfile: 1'
			echo 'jobs:'
			echo "  other: {run: 'echo $word >said'}"
			seq 3000 | sed 's/.*/  x&: {outputs: [x\/&], argv: [touch, x\/&]}/'
		} >inc/other.yaml
		want 0 orchmake other
		is "$(cat said)" $word
		is "$(forms | wc -l)" 2
	done
	is "$(sql 'SELECT count(*) FROM definitions')" 2
	rm inc/other.yaml
	want 2 orchmake other
	complains "no file 'inc/other.yaml' to include"
}

@test "the environment and what the command line sets are not in it" {
	long one
	cat >>Jobfile <<-'J'
	env: {WORD: "${{ env.SOME }}", GIVEN: "${{ params.word }}"}
	params: {word: {default: none}}
	J
	sed -i 's/echo one/echo $WORD $GIVEN one/' Jobfile
	SOME=a want 0 orchmake say
	is "$(cat said)" "a none one"
	SOME=b want 0 orchmake say word=given
	is "$(cat said)" "b given one"
	SOME=b want 0 orchmake --set env.WORD=set say
	is "$(cat said)" "set none one"
	is "$(sql 'SELECT count(*) FROM definitions')" 3
}

@test "damaged, cut short or somebody else's: the document is read, and compiled anew" {
	long one
	want 0 orchmake say
	form=$(forms)
	cp "$form" whole
	printf X | dd of="$form" bs=1 seek=5000 conv=notrunc status=none
	want 0 orchmake say
	cmp "$form" whole
	head -c 3000 whole >"$form"
	want 0 orchmake say
	cmp "$form" whole
	: >"$form"
	want 0 orchmake say
	cmp "$form" whole
	chmod 666 "$form"
	want 0 orchmake say
	is "$(stat -c %a "$form")" 600
	rm "$form"
	mkdir "$form"
	want 0 orchmake say
	[ -d "$form" ]
	is "$(cat said)" one
}

@test "a dry run makes none, an error in a document leaves none, gc takes it away" {
	long one
	want 0 orchmake -n say
	[ ! -e .orchmake ]
	echo 'nonsense: 1' >>Jobfile
	want 2 orchmake say
	[ ! -e .orchmake ]
	long one
	want 0 orchmake say
	want 0 orchmake gc --keep 5 -n
	is "$(forms | wc -l)" 1
	want 0 orchmake gc --keep 5
	is "$(forms | wc -l)" 0
	want 0 orchmake say
	is "$(forms | wc -l)" 1
	want 0 orchmake fsck
}

@test "the definition of a run is known again after gc has forgotten it" {
	long one
	want 0 orchmake say
	sqlite3 .orchmake/ledger.db 'UPDATE runs SET start_wall_ms = start_wall_ms - 7200000'
	want 0 orchmake gc --older 1h
	is "$(sql 'SELECT count(*) FROM definition_origins')" 0
	want 0 orchmake say
	want 0 orchmake say
	is "$(sql 'SELECT count(*) FROM definitions')" 1
	is "$(sql 'SELECT count(*) FROM v_runs WHERE definition IS NOT NULL')" 2
	want 0 orchmake fsck
	says "0 problems"
}

@test "steps that are up to date are on record like all others, each once" {
	long one
	want 0 orchmake all
	want 0 orchmake all
	is "$(sql "SELECT count(*) FROM v_steps WHERE run = (SELECT max(run) FROM v_runs) AND state = 'cached' AND reason = 'fresh' AND end_time IS NOT NULL")" 1500
	is "$(sql "SELECT count(*) FROM v_events WHERE run = (SELECT max(run) FROM v_runs) AND event = 'step_succeeded'")" 1500
	rm out/700
	want 0 orchmake all
	is "$(sql "SELECT state || ' ' || count(*) FROM v_steps WHERE run = (SELECT max(run) FROM v_runs) GROUP BY state" | tr '\n' ,)" "cached 1499,succeeded 1,"
	is "$(sql "SELECT step || ' ' || reason FROM v_steps WHERE run = (SELECT max(run) FROM v_runs) AND state = 'succeeded'")" "all/s700 output-missing"
	want 0 orchmake fsck
	says "0 problems"
}

@test "all steps are on record before the first one starts" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all:
	    steps:
	      a: {outputs: [a], run: touch a}
	      b: {outputs: [b], fresh: always, run: "sqlite3 .orchmake/ledger.db 'SELECT count(*) FROM steps WHERE id >> 32 = 2' >seen; touch b"}
	      c: {needs: [b], outputs: [c], run: touch c}
	      d: {needs: [c], run: 'true'}
	J
	want 0 orchmake all
	want 0 orchmake all
	is "$(cat seen)" 4
}
