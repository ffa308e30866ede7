# The ids that more than one file has, on one line.
{ id = member($0, "doc_id") }
valid(id) && ++n[id] == 2 { all = all (all == "" ? "" : ", ") id }
END { if (all != "") print all }
