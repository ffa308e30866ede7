# Of the inventories now and then: "WORD ID PATH" for each id that was there and is not.

{ path = member($0, "path"); id = member($0, "doc_id") }
NR == FNR { now[path] = valid(id) ? id : ""; next }
path == "" { print "unreadable\t" FNR "\t"; next }
!valid(id) { next }
!(path in now) { print "gone\t" id "\t" to_b(path); next }
now[path] == "" { print "missing\t" id "\t" to_b(path); next }
now[path] != id { print "changed\t" id "\t" to_b(path) }
