load lib
load git

# examples/doc-id-restore in a repository with one file of each type.

setup_file() {
	umask 022 # git makes files as it says
	cd "$BATS_FILE_TMPDIR" || exit 99
	T=$PWD git_world
	git init -q repo
	cd repo || exit 99
	mkdir -p $'d ir\n"x"\\n'
	printf -- '---\ntitle: t\ndoc_id: DOC-GUIDE-ONE-001\n---\ntext\n' >a.md
	printf '# c\ndoc_id: "DOC-CFG-TWO-002" # why\nk: 1\n' >b.yaml
	printf '{\n  "a": {"doc_id": "no"},\n  "doc_id": "DOC-DATA-THREE-X-003"\n}\n' >c.json
	printf '#!/usr/bin/env python3\n# -*- coding: utf-8 -*-\n# DOC_ID: DOC-CORE-FOUR-004\nfrom __future__ import annotations\n' >d.py
	printf '#!/bin/sh\n# DOC_LINK: DOC-CORE-FIVE-005\necho hi' >$'d ir\n"x"\\n/e.sh'
	printf '# DOC_ID: DOC-CORE-SIX-006\r\nparam()\r\n' >f.ps1
	printf 'DOC_ID: DOC-NOTE-SEVEN-007\n' >g.txt
	: >empty.txt
	chmod 755 d.py $'d ir\n"x"\\n/e.sh'
	echo 'ignored.md' >.gitignore
	cp a.md ignored.md
	ln -s a.md link.md
	git add -A
	git commit -q -m base
	"$top_srcdir/examples/doc-id-restore/scan" --save
	git add -A
	git commit -q -m inventory
}

prepare() {
	umask 022
	steps=$top_srcdir/examples/doc-id-restore
	cp -R "$BATS_FILE_TMPDIR/repo" .
	git_world
	sh_file=$'repo/d ir\n"x"\\n/e.sh'
}

# The plan without orchmake: up to the step that fails, then undo; the report in any case.
pipeline() {
	local id failed=
	for id in $(jq -r '.steps[] | select(.condition == null) | .id' "$steps/plan.json"); do
		step repo "$id" || { failed=$id; break; }
	done
	[ -z "$failed" ] || step repo undo
	[ "$failed" = scan ] || step repo report
	[ -z "$failed" ]
}

lose() { # every id, by the way that leaves the rest
	sed -i '/doc_id/d' repo/a.md repo/b.yaml
	sed -i -e 's/,$//' -e '/DOC-DATA/d' repo/c.json
	sed -i '/DOC_/d' repo/d.py "$sh_file" repo/f.ps1 repo/g.txt
}

@test "the inventory has a line for each eligible file, with its id where there is one" {
	is "$(jq -r '[.path, .doc_id, .status, .file_type] | @json' repo/doc-ids.jsonl | sort)" \
		'["a.md","DOC-GUIDE-ONE-001","registered","md"]
["b.yaml","DOC-CFG-TWO-002","registered","yaml"]
["c.json","DOC-DATA-THREE-X-003","registered","json"]
["d ir\n\"x\"\\n/e.sh","DOC-CORE-FIVE-005","registered","sh"]
["d.py","DOC-CORE-FOUR-004","registered","py"]
["empty.txt",null,"missing","txt"]
["f.ps1","DOC-CORE-SIX-006","registered","ps1"]
["g.txt","DOC-NOTE-SEVEN-007","registered","txt"]'
	touch -d 2024-02-29T23:59:58Z repo/a.md
	step repo scan >/dev/null
	is "$(jq -r 'select(.path == "a.md").last_modified' repo/.git/orchmake/doc-ids/now.jsonl)" 2024-02-29T23:59:58Z
}

@test "an id counts only where it belongs, and only if it is one" {
	cd repo
	printf 'text\ndoc_id: DOC-A-B-001\n' >no-front.md
	printf -- '---\na: b\n---\ndoc_id: DOC-A-B-001\n' >after-front.md
	printf 'k:\n  doc_id: DOC-A-B-001\n' >below.yml
	printf '{"a": [{"doc_id": "DOC-A-B-001"}], "x": "\\"doc_id\\": \\"DOC-A-B-001\\""}' >below.json
	printf '"""\nDOC_ID: DOC-A-B-001\n"""\n' >bare.py
	{ seq 20 | sed 's/^/# /'; echo '# DOC_ID: DOC-A-B-001'; } >late.sh
	printf 'DOC_ID: DOC-A-001\n' >short.txt
	printf 'doc_id: doc-a-b-001\n' >lower.yml
	printf '{"doc_id": 12}' >number.json
	printf '[{"doc_id": "DOC-A-B-001"}]' >list.json
	step . scan >/dev/null
	is "$(jq -r 'select(.path | test("^(no-|after|below|bare|late|short|lower|number|list)")) | .path + " " + .status' \
		.git/orchmake/doc-ids/now.jsonl | sort | tr '\n' ' ')" "after-front.md missing bare.py missing below.json missing \
below.yml missing late.sh missing list.json missing lower.yml invalid no-front.md missing number.json invalid short.txt invalid "
}

@test "nothing lost: nothing is done, and no branch is made" {
	want 0 pipeline
	is "$err" ""
	says "compare: against 'doc-ids.jsonl': 0 ids are missing, 0 are others, 0 files with one are gone"
	says "rollback_branch: not needed"
	says "verify: every id is where it was, none is there twice, 0.8750 of the files have one"
	is "$(git -C repo branch --list 'rollback/*')" ""
	is "$(git -C repo status --porcelain)" ""
}

@test "lost ids of every type come back: modes, interpreters, line ends and the last line stay" {
	lose
	want 0 pipeline
	says "compare: against 'doc-ids.jsonl': 7 ids are missing"
	says "restore: 7 ids are where they were"
	is "$(cat repo/a.md)" "---
doc_id: DOC-GUIDE-ONE-001
title: t
---
text"
	is "$(cat repo/b.yaml)" "doc_id: DOC-CFG-TWO-002
# c
k: 1"
	is "$(jq -c . repo/c.json)" '{"doc_id":"DOC-DATA-THREE-X-003","a":{"doc_id":"no"}}'
	is "$(head -n 3 repo/d.py)" "#!/usr/bin/env python3
# -*- coding: utf-8 -*-
# DOC_ID: DOC-CORE-FOUR-004"
	is "$(cat "$sh_file" && echo .)" "#!/bin/sh
# DOC_ID: DOC-CORE-FIVE-005
echo hi."
	is "$(od -An -c repo/f.ps1 | tr -d ' \n')" '#DOC_ID:DOC-CORE-SIX-006\r\nparam()\r\n'
	is "$(stat -c %a repo/d.py "$sh_file" repo/a.md | tr '\n' ' ')" "755 755 644 "
	is "$(find repo -name '.doc-id*')" ""
	is "$(git -C repo log -1 --format=%s "$(cat repo/.git/orchmake/doc-ids/rollback)")" \
		"the work tree before doc ids were restored"
	is "$(grep -c '^| missing | DOC-' repo/.git/orchmake/doc-ids/report.md)" 7
}

@test "where an id goes when there is no place for it yet" {
	printf 'text\n' >repo/a.md
	printf '%%YAML 1.2\n---\nk: 1\n' >repo/b.yaml
	printf '{}' >repo/c.json
	printf 'from __future__ import annotations\n' >repo/d.py
	printf '\357\273\277Write-Host\n' >repo/f.ps1
	: >repo/g.txt
	want 0 pipeline
	is "$(cat repo/a.md)" "---
doc_id: DOC-GUIDE-ONE-001
---

text"
	is "$(cat repo/b.yaml)" "%YAML 1.2
---
doc_id: DOC-CFG-TWO-002
k: 1"
	is "$(cat repo/c.json)" '{"doc_id": "DOC-DATA-THREE-X-003"}'
	printf '{ "a": 1,\n"b": 2}' >repo/c.json
	want 0 pipeline
	is "$(cat repo/c.json)" '{ "doc_id": "DOC-DATA-THREE-X-003", "a": 1,
"b": 2}'
	printf '\n{\r\n}\r\n' >repo/c.json
	want 0 pipeline
	is "$(od -An -c repo/c.json | tr -d ' \n')" '\n{\r\n"doc_id":"DOC-DATA-THREE-X-003"\r\n}\r\n'
	is "$(head -n 1 repo/d.py)" "# DOC_ID: DOC-CORE-FOUR-004"
	is "$(head -n 1 repo/f.ps1)" $'\357\273\277# DOC_ID: DOC-CORE-SIX-006'
	is "$(cat repo/g.txt)" "DOC_ID: DOC-NOTE-SEVEN-007"
}

@test "changed and wrong ids are replaced where they stand" {
	sed -i 's/DOC-GUIDE-ONE-001/DOC-GUIDE-ONE-999/' repo/a.md
	sed -i 's/DOC-CFG-TWO-002/nonsense/' repo/b.yaml
	sed -i 's/"DOC-DATA-THREE-X-003"/null/' repo/c.json
	sed -i 's/DOC-CORE-FIVE-005//' "$sh_file"
	want 0 pipeline
	says "compare: against 'doc-ids.jsonl': 3 ids are missing, 1 are others"
	is "$(git -C repo diff --stat -- a.md c.json)" ""
	is "$(sed -n 2p repo/b.yaml)" "doc_id: DOC-CFG-TWO-002 # why"
	is "$(sed -n 2p "$sh_file")" "# DOC_LINK: DOC-CORE-FIVE-005"
}

@test "a commit can be what ids are taken from, and files that are gone are only told" {
	git -C repo rm -q doc-ids.jsonl g.txt
	git -C repo commit -q -m gone
	sed -i '/doc_id/d' repo/a.md
	want 1 step repo compare
	complains "there is no inventory 'doc-ids.jsonl'; save one"
	DOC_IDS_FROM=nowhere want 1 step repo compare
	complains "'nowhere' is no commit"
	DOC_IDS_FROM=HEAD~1 want 0 pipeline
	says "compare: against the commit 'HEAD~1': 1 ids are missing, 0 are others, 1 files with one are gone"
	is "$(sed -n 2p repo/a.md)" "doc_id: DOC-GUIDE-ONE-001"
	is "$(git -C repo status --porcelain)" " M a.md"
	is "$(ls repo/.git/orchmake/doc-ids | grep old)" ""
}

@test "an inventory of others: members in another order, letters as \\u; a line that is none is said" {
	git -C repo mv a.md ä.md
	sed -i '/doc_id/d' repo/ä.md
	printf '{"doc_id": "DOC-GUIDE-ONE-001", "status": "registered", "path": "\\u00e4.md"}\n' >repo/doc-ids.jsonl
	want 0 pipeline
	is "$(sed -n 2p repo/ä.md)" "doc_id: DOC-GUIDE-ONE-001"
	printf 'nothing\n' >>repo/doc-ids.jsonl
	want 1 step repo compare
	complains "line 2, is no line of an inventory"
}

@test "a file that would not parse, and one that does not, are not touched, and all is undone" {
	lose
	printf '[1]\n' >repo/c.json
	printf 'def (:\n' >repo/d.py
	git -C repo diff >before
	want 1 pipeline
	complains "2 ids cannot be put back: c.json: a file like this can have no id;d.py: it has a wrong syntax as it is"
	says "undo: 7 files are as they were in branch rollback/doc-ids-"
	git -C repo diff >after
	is "$(cat after)" "$(cat before)"
	is "$(find repo -name '.doc-id*')" ""
	sed -i -e '/c.json/d' -e '/d.py/d' repo/doc-ids.jsonl
	want 0 pipeline
}

@test "an id that would break the syntax of its file is not written" {
	printf -- '# c\n- a\n- b\n' >repo/b.yaml
	want 1 pipeline
	complains "b.yaml: a file like this can have no id"
	python3 -c 'import yaml' 2>/dev/null || skip "python3-yaml is not installed"
	printf 'text\n' >repo/b.yaml
	want 1 pipeline
	complains "b.yaml: its syntax would be wrong then"
	is "$(cat repo/b.yaml)" text
	is "$(find repo -name '.doc-id*')" ""
}

@test "ids that are there twice and too few of them are no success; files not yet added are undone as well" {
	cp repo/a.md repo/copy.md
	printf 'new\n' >repo/new.md
	printf '{"path":"new.md","doc_id":"DOC-GUIDE-NEW-009"}\n' >>repo/doc-ids.jsonl
	want 1 pipeline
	complains "verify: ids of more than one file: DOC-GUIDE-ONE-001"
	is "$(cat repo/new.md)" new
	rm repo/copy.md
	DOC_IDS_COVERAGE=0.95 want 1 pipeline
	complains "0.8889 of the files have an id, less than 0.95"
	is "$(cat repo/new.md)" new
	DOC_IDS_COVERAGE=0.95 DOC_IDS_KEEP=1 want 1 pipeline
	says "undo: left as it is"
	is "$(sed -n 2p repo/new.md)" "doc_id: DOC-GUIDE-NEW-009"
}

@test "outside of a repository it says where to look" {
	want 1 step . scan
	complains "is in no work tree of git; set DOC_IDS_REPO to one"
	DOC_IDS_REPO=repo want 0 step . scan
}
