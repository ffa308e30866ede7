# {limit, items} -> {items: those that passed, passed: how many}
.limit as $limit
| [.items[] | select(.points >= $limit)] as $good
| {items: $good, passed: ($good | length)}
