load lib

# jobs, init, completion, and what options belong to which verb.

# complete WORDS...: what bash offers for the last of them, one a line, sorted.
complete_bash() {
	bash --norc -c '
		set +u
		source <(orchmake completion bash)
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
		compopt() { :; }
		_orchmake
		printf "%s\n" "${COMPREPLY[@]}"' completion "$@" | LC_ALL=C sort -u
}

offers() { # WORDS... WANTED: among what is offered
	local wanted=${!#} got
	got=$(complete_bash "${@:1:$#-1}")
	grep -qxF -- "$wanted" <<<"$got" || {
		printf 'not offered: %s\noffered:\n%s\n' "$wanted" "$got"
		return 1
	}
}

jobs_of_types() {
	mkdir -p jobfiles/other
	cat >jobfiles/ingest.yml <<-'J'
	jobfile: 1
	jobs:
	  gmail: {run: "true"}
	J
	cat >jobfiles/other/rest.yml <<-'J'
	jobfile: 1
	jobs:
	  ingest_acct1: {run: "true"}
	  ingestion: {run: "true"}
	  grouped: {group: ingest, run: "true"}
	  hidden: {group: ingest, private: true, run: "true"}
	J
}

@test "jobs list --type finds by group, document, folder and beginning of the name" {
	jobs_of_types
	want 0 orchmake jobs list --type ingest --format=json
	is "$(jq -r '[.[].name] | sort | join(" ")' <<<"$out")" "gmail grouped ingest_acct1"
	want 0 orchmake list --type=ingest --all --format=json
	is "$(jq -r '[.[].name] | sort | join(" ")' <<<"$out")" "gmail grouped hidden ingest_acct1"
	want 0 orchmake jobs list --type other --format=json
	is "$(jq -r '[.[].name] | sort | join(" ")' <<<"$out")" "grouped ingest_acct1 ingestion"
	want 0 orchmake jobs list --type ingest_ --format=json
	is "$(jq -r '[.[].name] | join(" ")' <<<"$out")" "ingest_acct1"
	want 2 orchmake jobs list --type injest
	complains "no job is of the type 'injest'"
	# What the project's own folder is called makes nobody's type.
	cd "$T" && mkdir -p ingest && cp -r jobfiles ingest/ && cd ingest
	want 0 orchmake jobs list --type ingest --format=json
	is "$(jq -r '[.[].name] | sort | join(" ")' <<<"$out")" "gmail grouped ingest_acct1"
}

@test "jobs show shows a job, and only a job" {
	jobs_of_types
	want 0 orchmake jobs show gmail
	says gmail
	want 0 orchmake jobs show gmail --format=json
	is "$(jq -r .run <<<"$out")" true
	want 2 orchmake jobs show gmial
	complains "no job is called 'gmial'"
	complains "did you mean 'gmail'?"
	want 2 orchmake jobs show last
	complains "no job is called 'last'"
	want 2 orchmake jobs show
	complains "which job?"
	want 2 orchmake jobs
	complains "usage: orchmake jobs list"
	want 2 orchmake jobs lsit
	complains "there is no 'jobs lsit'"
}

@test "init writes a Jobfile that is right, lists and runs" {
	want 0 orchmake init
	says "wrote Jobfile"
	is "$(cat .gitignore)" ".orchmake/"
	want 0 orchmake validate --strict
	want 0 orchmake list
	says "Write the summary"
	want 0 orchmake -n
	want 0 orchmake -j4 day=2026-01-31
	is "$(cat build/summary.txt)" $'Orders\n2026-01-31 apples 1\n2026-01-31 pears 2'
	want 0 orchmake clean
	[ ! -e build ]
	# The commands that its comments name.
	sed -n 's/^#\t\(orchmake[^ ]*\( [^ ]\+\)*\)  .*/\1/p' Jobfile >commands
	[ "$(wc -l <commands)" -ge 6 ]
	while read -r command; do
		eval "want 0 $command"
	done <commands
}

@test "init overwrites nothing unless it is forced to" {
	echo mine >Jobfile
	printf 'build' >.gitignore
	want 2 orchmake init
	complains "there is a 'Jobfile' here already"
	complains "--force"
	is "$(cat Jobfile)" mine
	is "$(cat .gitignore)" build
	want 0 orchmake init --force
	want 0 orchmake validate
	is "$(cat .gitignore)" $'build\n.orchmake/'
	want 0 orchmake init --force -s
	is "$out" ""
	is "$(grep -c orchmake .gitignore)" 1
	rm Jobfile
	echo mine >Jobfile.yml
	want 2 orchmake init --force
	complains "there is a 'Jobfile.yml' here already"
	is "$(cat Jobfile.yml)" mine
}

@test "init knows the line of .gitignore without its slash, and says what it cannot write" {
	echo .orchmake >.gitignore
	want 0 orchmake init
	is "$(cat .gitignore)" .orchmake
	rm -rf Jobfile .gitignore
	mkdir .gitignore
	want 1 orchmake init
	complains ".gitignore"
}

@test "bash completes verbs, jobs and options" {
	jobs_of_types
	is "$(complete_bash orchmake gma)" gmail
	is "$(complete_bash orchmake hist)" history
	is "$(complete_bash orchmake list --ty)" --type=
	is "$(complete_bash orchmake history --ty)" ""
	is "$(complete_bash orchmake --dry)" --dry-run
	is "$(complete_bash orchmake show gr)" grouped
	is "$(complete_bash orchmake gmail gr)" grouped
	is "$(complete_bash orchmake completion f)" fish
	is "$(complete_bash orchmake stats can)" canonical
	is "$(complete_bash orchmake jobs sh)" show
	is "$(complete_bash orchmake query recent-j)" recent-jobs
}

@test "bash completes values of options, also behind an equals sign" {
	is "$(complete_bash orchmake --format j)" json
	is "$(complete_bash orchmake --format = j)" json
	is "$(complete_bash orchmake --color = al)" always
	offers orchmake --progress = "" plain
	is "$(complete_bash orchmake --output-sync = n)" none
	is "$(complete_bash orchmake -O ta)" ""
	touch file.yml
	mkdir folder
	is "$(complete_bash orchmake -f fil)" file.yml
	is "$(complete_bash orchmake -C fo)" folder
	is "$(complete_bash orchmake -C f)" folder
	printf '%s\n' 'jobfile: 1' 'params: {day: x}' 'stores: {raw: raw.db}' 'jobs: {elsewhere: {noop: true}}' >file.yml
	is "$(complete_bash orchmake -f file.yml else)" elsewhere
	is "$(complete_bash orchmake --file = file.yml elsewhere da)" day=
	is "$(complete_bash orchmake -f file.yml sql --store r)" raw
}

@test "bash completes runs and steps of the ledger" {
	jobs_of_types
	want 0 orchmake gmail
	id=$(sql "select run from v_runs")
	offers orchmake result l last
	offers orchmake events "${id:0:12}" "$id"
	offers orchmake why gm gmail
	offers orchmake logs last/ last/gmail
}

@test "zsh and fish have all verbs and options" {
	want 0 orchmake --help
	options=$(grep -o -- '--[a-z][a-z-]*' <<<"$out" | sort -u)
	verbs=$(sed -n '/^verbs$/,/^$/s/^  \([a-z]*\) .*/\1/p' <<<"$out")
	[ "$(wc -w <<<"$options")" -gt 40 ]
	[ "$(wc -w <<<"$verbs")" -gt 15 ]
	for shell in zsh fish bash; do
		orchmake completion $shell >$shell
		for word in $verbs ${options//--/}; do
			grep -qw -e "$word" $shell || {
				echo "$shell has no $word"
				return 1
			}
		done
	done
	for shell in zsh fish; do
		command -v $shell >/dev/null || continue
		want 0 $shell -n $shell
	done
	want 0 bash -n bash
}

@test "completion says which shells there are" {
	want 2 orchmake completion
	complains "for which shell?"
	want 2 orchmake completion fsih
	complains "did you mean 'fish'?"
	want 0 orchmake completion jobs
	is "$out" ""
	want 0 orchmake completion runs
	is "$out" ""
}

@test "the help of a verb has its own options" {
	want 0 orchmake history --help
	says "--since=TIME"
	says "--failed"
	want 0 orchmake events --help
	says "-f, --follow"
	want 2 orchmake history --force
	complains "history takes no --force"
	want 2 orchmake --strict good
	complains "run takes no --strict"
}

@test "a form of output that a verb does not have is refused" {
	want 2 orchmake list --format=csv
	complains "list has no --format=csv"
	complains "it is for: query sql stats"
	want 2 orchmake --format=dot -n
	complains "run has no --format=dot"
}

@test "a word too many is refused" {
	for verb in "query a" "stats a" "history a" "events last" "result last" "show a" "logs a" "why a b" "jobs show a" \
		"completion bash" "ps a" init doctor shell; do
		want 2 orchmake $verb superfluous
		complains "what is 'superfluous' for?"
		complains "usage: orchmake ${verb%% *}"
	done
	[ ! -e Jobfile ]
}

@test "what is installed finds what is installed with it, also when it was moved" {
	command -v make >/dev/null || skip "make is not installed"
	make -s -C "$top_builddir" install-exec install-data DESTDIR="$T/root" >install.out 2>&1 || { cat install.out; false; }
	bin=$(find root -path '*/bin/orchmake')
	prefix=${bin%/bin/orchmake}
	mv "$prefix" moved
	want 0 moved/bin/orchmake init
	want 0 moved/bin/orchmake -s
	want 0 moved/bin/orchmake query recent-jobs
	says "(4 rows)"
	for file in share/bash-completion/completions/orchmake share/zsh/site-functions/_orchmake \
		share/fish/vendor_completions.d/orchmake.fish share/man/man5/orchmake-ledger.5 \
		share/orchmake/init/Jobfile libexec/orchmake/orchmake-prompt \
		share/orchmake/schema/jobfile.json share/orchmake/schema/plan.json share/doc/orchmake/README.md; do
		[ -s moved/$file ] || { echo "not installed: $file"; find moved -type f; false; }
	done
	is "$(jq -r .title moved/share/orchmake/schema/jobfile.json)" Jobfile
	mv moved "$prefix"
	make -s -C "$top_builddir" uninstall DESTDIR="$T/root" >uninstall.out 2>&1 || { cat uninstall.out; false; }
	is "$(find root ! -type d)" ""
}
