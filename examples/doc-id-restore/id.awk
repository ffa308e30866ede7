{ print member($0, "doc_id") }
