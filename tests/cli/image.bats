# A run that would find everything up to date takes the short way there, and only such a run.

load lib

# Everything that a decision can go by, in small.
prepare() {
	mkdir -p project/sub project/tree project/globbed project/out
	cd project
	echo .git >.git
	cat >Jobfile <<-'J'
	jobfile: 1
	include: [more.yml, {file: absent.yml, optional: true}]
	dotenv: [".env?"]
	params:
	  size: {type: string, default: small, from_env: SIZE}
	jobs:
	  all:
	    env: {MODE: "${{ env.MODE ?? 'none' }}"}
	    steps:
	      copy: {inputs: [in.txt], outputs: [out/copy], run: "echo copy >>log; cp in.txt out/copy"}
	      glob: {inputs: ["globbed/*.txt"], outputs: [out/glob], run: "echo glob >>log; cat globbed/*.txt >out/glob"}
	      tree: {inputs: [tree], outputs: [out/tree], run: "echo tree >>log; ls tree >out/tree"}
	      sized: {outputs: [out/sized], fresh: hash, argv: [sh, -c, 'echo sized >>log; echo "$0" >out/sized', "${{ params.size }}"]}
	      again: {needs: [copy], inputs: [out/copy], outputs: [out/again], run: "echo again >>log; cp out/copy out/again"}
	J
	cat >more.yml <<-'J'
	jobfile: 1
	jobs:
	  other: {inputs: [in.txt], outputs: [out/other], run: "echo other >>log; cp in.txt out/other"}
	J
	echo one >in.txt
	echo a >globbed/a.txt
	echo b >tree/b
	touch -d '1 minute ago' in.txt globbed/a.txt tree/b Jobfile more.yml
}

is_short() { orchmake -s -dimage "$@" 2>&1 | grep -q '^image *the run is what its image says'; }

# Run until an image is used: files have to be older than the clock's tick for one.
imaged() {
	until_true is_short "$@"
	: >log
}

# What the steps of the last run have come to.
ran() { sql "SELECT group_concat(step || '=' || state || '=' || reason, ' ') FROM (SELECT * FROM v_steps
	WHERE run = (SELECT run FROM v_runs ORDER BY no DESC LIMIT 1) ORDER BY number)"; }

# long STEPS [ARGS...]: the usual way is taken, and these steps run.
long() {
	local steps=$1
	shift
	want 0 orchmake -s -dimage "$@"
	complains "no image is used: "
	is "$(sort log | tr '\n' ' ')" "$steps"
}

@test "the third run of the same is recorded without being made" {
	want 0 orchmake -s all
	imaged all
	runs=$(sql 'SELECT count(*) FROM runs')
	want 0 orchmake -s -dimage all
	complains "the run is what its image says"
	is "$(sql 'SELECT count(*) FROM runs')" $((runs + 1))
	is "$(ran)" "all/copy=cached=fresh all/glob=cached=fresh all/tree=cached=fresh all/sized=cached=fresh all/again=cached=fresh"
	is "$(cat log)" ""
	want 0 orchmake fsck
	want 0 orchmake history
	says "5/5"
	want 0 orchmake why all/again
	says "nothing it depends on has changed"
	want 0 orchmake show last
	says "5: 5 succeeded, 0 failed, 0 not run"
	is "$(sql 'SELECT count(DISTINCT definition), count(DISTINCT log_dir) = count(*), count(DISTINCT journal) = count(*) FROM run_texts')" "1|1|1"
	is "$(sql 'SELECT sum(n) FROM durations')" 5
}

@test "an image is its owner's alone, and no secret or value of the environment is in it" {
	export MODE=value-of-mode
	imaged all size=largest-of-all
	is "$(stat -c %a .orchmake/images)" 700
	is "$(stat -c %a .orchmake/images/*)" 600
	want 1 grep -aq largest-of-all .orchmake/images/*
	want 1 grep -aq value-of-mode .orchmake/images/*
	want 0 grep -aq MODE .orchmake/images/*
}

# The same run with an image and without one says the same and leaves the same.
same() {
	local short
	norm() { sed -E 's/01[0-9A-Z]{8,24}/ID/g; s/in [0-9.]+s/in T/; s/"(time|duration_ms)": ?("[^"]*"|[0-9]+)/\1/g' <<<"$1"; }
	imaged all
	want 0 orchmake "$@" all
	short="$(norm "$out") / $(norm "$err") / $(ran)"
	mv .orchmake/images images
	want 0 orchmake "$@" all
	rm -rf .orchmake/images
	mv images .orchmake/images
	is "$short" "$(norm "$out") / $(norm "$err") / $(ran)"
}

@test "whichever way it is shown it looks the same" {
	same
	for how in -Oline -Ojob -Ojson -Onone --progress=line --progress=none --format=json --events=- -w -v -q -n -x --result=r.json; do
		same $how
	done
	is "$(jq -r '.outcomes[0].status' r.json)" cached
}

@test "on a terminal there is a line for the job, and how many had nothing to do" {
	imaged all
	script -qec "orchmake all" /dev/null </dev/null >short
	mv .orchmake/images images
	script -qec "orchmake all" /dev/null </dev/null >usual
	is "$(sed -E 's/01[0-9A-Z]+/ID/g; s/in [0-9.]+s/in T/' short | tr -d '\r')" \
	   "$(sed -E 's/01[0-9A-Z]+/ID/g; s/in [0-9.]+s/in T/; s/\x1b\[[0-9?]*[A-Zl]//g; /^$/d' usual | tr -d '\r')"
	is "$(grep -c '5/5' short)" 1
}

@test "-q and -n use it and touch nothing" {
	imaged all
	before=$(find . -printf '%p %T@ %s\n' | sort)
	want 0 orchmake -q -dimage all
	complains "the run is what its image says"
	want 0 orchmake -n -dimage all
	complains "the run is what its image says"
	says "all: 0 steps would run, 5 have nothing to do"
	is "$(find . -printf '%p %T@ %s\n' | sort)" "$before"
	echo two >in.txt
	want 1 orchmake -q all
}

@test "an input of the same size and an old date lets its step run" {
	imaged all
	echo two >in.txt
	touch -d '1 minute ago' in.txt
	long "again copy " all
}

@test "an input with the date it had lets its step run" {
	imaged all
	cp -p in.txt was
	echo two >in.txt
	touch -r was in.txt
	long "again copy " all
}

@test "an input that another file has taken the place of is looked at" {
	imaged all
	cp -p in.txt new
	mv new in.txt
	long "" all
}

@test "an output that is gone, or is another, lets its step run" {
	imaged all
	rm out/again
	long "again " all
	imaged all
	echo else >out/again
	long "again " all
}

@test "a new file that a pattern finds, and one that it finds no more" {
	imaged all
	echo b >globbed/b.txt
	long "glob " all
	imaged all
	rm globbed/a.txt
	long "glob " all
}

@test "a new file in a folder that is an input, or below it" {
	imaged all
	echo c >tree/c
	long "tree " all
	imaged all
	mkdir tree/deep
	echo d >tree/deep/d
	long "tree " all
	imaged all
	echo e >tree/deep/e
	long "tree " all
}

@test "another command in the Jobfile, or in what it includes" {
	want 0 orchmake -s all other
	imaged all other
	sed -i 's/echo copy >>log/echo copy >>log; true/' Jobfile
	long "copy " all other
	imaged all other
	sed -i 's/echo other >>log/echo other >>log; true/' more.yml
	long "other " all other
}

@test "an include, a dotenv file, a nearer Jobfile that was not there" {
	imaged all
	printf 'jobfile: 1\njobs: {third: {run: "true"}}\n' >absent.yml
	long "" all
	imaged all
	echo 'MODE=dotted' >.env
	long "again copy glob sized tree " all
	cd sub
	until_true is_short all
	printf 'jobfile: 1\njobs: {all: {run: "echo nearer >>../log"}}\n' >Jobfile
	: >../log
	want 0 orchmake -s -dimage all
	complains "no image is used: 'Jobfile' is not what it was then"
	is "$(cat ../log)" nearer
}

@test "another parameter, variable of the environment, or target" {
	imaged all
	long "again copy glob sized tree " all size=large
	imaged all
	export SIZE=huge
	long "again copy glob sized tree " all
	unset SIZE
	want 0 orchmake -s all
	imaged all
	export MODE=fast
	long "again copy glob sized tree " all
	unset MODE
	want 0 orchmake -s all
	imaged all
	UNHEARD=of want 0 orchmake -s -dimage all
	complains "the run is what its image says"
	long "other " other
}

@test "-B, -W, -t and -o go the usual way" {
	imaged all
	long "again copy glob sized tree " -B all
	imaged all
	long "again copy " -W in.txt all
	imaged all
	long "" -t all
	imaged all
	long "" -o in.txt all
}

@test "a run that failed, or was interrupted, in between" {
	imaged all
	sed -i.bak 's/cp in.txt out.copy/exit 1/' Jobfile
	want 1 orchmake -s all
	cp -p Jobfile.bak Jobfile
	: >log
	long "copy " all
}

@test "another ledger, and an older copy of this one" {
	want 0 orchmake -s all
	sqlite3 .orchmake/ledger.db "VACUUM INTO 'old.db'"
	imaged all
	rm .orchmake/ledger.db*
	cp old.db .orchmake/ledger.db
	want 0 orchmake -s -dimage all
	complains "no image is used: "
	imaged all
	rm -rf .orchmake/ledger.db*
	long "again copy glob sized tree " all
}

@test "a copy of a later ledger says the same as that" {
	imaged all
	sqlite3 .orchmake/ledger.db "VACUUM INTO 'new.db'"
	rm -f .orchmake/ledger.db .orchmake/ledger.db-[sw]*
	cp new.db .orchmake/ledger.db
	want 0 orchmake -s -dimage all
	complains "the run is what its image says"
	is "$(ran | tr ' ' '\n' | grep -c cached)" 5
}

@test "success that somebody else has recorded since counts" {
	imaged all
	want 0 orchmake -s other
	want 0 orchmake -s -dimage all
	complains "a success has been recorded since"
	is "$(cat log)" other
}

@test "when the run that it was made of is removed" {
	imaged all
	want 0 orchmake -s all
	cp -a .orchmake/images images
	want 0 orchmake gc --keep 1
	is "$(ls .orchmake | grep -c images)" 0
	mv images .orchmake/images
	want 0 orchmake -s -dimage all
	complains "is not in it any more"
	is "$(cat log)" ""
	want 0 orchmake fsck
}

@test "a damaged image, one cut short, one that others can write" {
	imaged all
	image=$(echo .orchmake/images/*)
	cp "$image" good
	size=$(stat -c %s good)
	for at in 0 9 20 40 $((size / 2)) $((size - 1)); do
		byte=$(od -An -tu1 -j$at -N1 good)
		printf "\\x$(printf %x $((byte ^ 1)))" | dd of="$image" bs=1 seek=$at conv=notrunc status=none
		want 0 orchmake -q -dimage all
		complains "is damaged, of another version, or somebody else's"
		cp good "$image"
	done
	want 0 orchmake -q -dimage all
	complains "the run is what its image says"
	chmod 620 "$image"
	want 0 orchmake -q -dimage all
	complains "somebody else's"
	head -c $((size - 1)) good >"$image"
	long "" all
	: >"$image"
	long "" all
}

@test "an image from another folder" {
	imaged all
	cd ..
	cp -a project copy
	mv project/out elsewhere
	cd copy
	want 0 orchmake -s -dimage all
	complains "no image is used: "
	is "$(cat log)" ""
	mv ../elsewhere ../project/out
}

@test "two at once are both recorded" {
	imaged all
	runs=$(sql 'SELECT count(*) FROM runs')
	orchmake -s all &
	orchmake -s all &
	wait
	is "$(sql 'SELECT count(*) FROM runs')" $((runs + 2))
	want 0 orchmake fsck
	is "$(cat log)" ""
}

@test "what depends on more than files has no image" {
	for what in 'fresh: "ttl:1h"' 'env: {A: "${{ now() }}"}' 'env: {A: "${{ run.id }}"}' 'env: {A: "${{ vars.v }}"}' 'env: {A: "${{ secrets.s }}"}' 'fresh: {run: "true"}'; do
		rm -rf .orchmake
		printf 'jobfile: 1\nvars: {v: {sh: echo x}}\nsecrets: {s: {env: MODE}}\njobs:\n  one:\n    outputs: [out/one]\n    run: touch out/one\n    %s\n' "$what" >Jobfile
		touch -d '1 minute ago' Jobfile
		MODE=unguessable want 0 orchmake -s one
		touch -d '1 minute ago' out/one
		MODE=unguessable want 0 orchmake -s one
		MODE=unguessable want 0 orchmake -s one
		is "$what $(find .orchmake/images -type f 2>/dev/null)" "$what "
	done
}

@test "who asks for what goes on inside sees it, and why there is no image is said" {
	imaged all
	want 0 orchmake -dwhy all
	complains "all/copy is cached"
	want 0 orchmake -dimage -B all
	complains "no image is used: "
	complains "there is no image of this run: something ran"
}

# The same random changes to two folders, one of which never has an image: the same steps run.
@test "whatever is changed, the same steps run as without images" {
	seed=${TEST_SEED:-$$}
	echo "TEST_SEED=$seed"
	RANDOM=$seed
	want 0 orchmake -s all
	cp -a . ../plain
	for turn in $(seq 12); do
		at=$((RANDOM % 9))
		for folder in . ../plain; do
			(
				cd $folder
				case $at in
				0) echo "$turn" >in.txt ;;
				1) touch in.txt ;;
				2) rm -f out/again ;;
				3) echo "$turn" >globbed/$((turn % 3)).txt ;;
				4) rm -f globbed/1.txt ;;
				5) echo "$turn" >tree/$turn ;;
				6) echo "# $turn" >>Jobfile ;;
				7) echo "MODE=$((turn % 2))" >.env ;;
				8) ;;
				esac
				: >log
			)
		done
		for _ in 1 2; do
			rm -rf ../plain/.orchmake/images
			want 0 orchmake -s all
			(cd ../plain; orchmake -s all)
			is "$turn: $at: $(sort log | tr '\n' ' ')" "$turn: $at: $(sort ../plain/log | tr '\n' ' ')"
		done
	done
}
